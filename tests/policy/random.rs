//! Random numbers that depend on a seed alone.

/// Marsaglia's xorshift64*. Its numbers do not change with the version of a crate.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // Adjacent seeds must not have adjacent states.
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.below(1);
        random
    }
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
    /// A part of the list: each element with this chance, in percent.
    pub fn some<T: Clone>(&mut self, list: &[T], chance: usize) -> Vec<T> {
        list.iter().filter(|_| self.percent(chance)).cloned().collect()
    }
    pub fn text(&mut self, list: &[&str]) -> String {
        (*self.pick(list)).to_owned()
    }
}
