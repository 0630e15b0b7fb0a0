//! Arithmetic modulo an odd number, by Montgomery's method. All numbers are public, so it need not take the same time for
//! each.
//!
//! A number is a list of 32-bit limbs, the lowest first, as WebAssembly multiplies two of them to 64 bits in one instruction.

/// An odd number of at least two limbs, modulo which numbers are multiplied.
#[derive(Debug)]
pub(super) struct Modulus {
    limbs: Vec<u32>,
    /// The number that makes the product with the lowest limb −1 modulo 2³².
    negated_inverse: u32,
    /// R² modulo this number, where R is two to the number of bits in `limbs`.
    r_squared: Vec<u32>,
}

impl Modulus {
    /// The modulus from its big-endian bytes. `None` if it is even, or its first byte is zero.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        let limbs = limbs(bytes);
        let lowest = *limbs.first()?;
        if lowest.is_multiple_of(2) || limbs.len() < 2 || *bytes.first()? == 0 {
            return None;
        }
        let mut modulus = Self { negated_inverse: inverse(lowest).wrapping_neg(), limbs, r_squared: Vec::new() };
        modulus.r_squared = modulus.compute_r_squared();
        Some(modulus)
    }

    /// The number of bytes of the modulus.
    pub(super) fn byte_length(&self) -> usize {
        self.bit_length().div_ceil(8)
    }

    /// The number of bits of the modulus.
    pub(super) fn bit_length(&self) -> usize {
        let unused = self.limbs.last().map_or(0, |limb| limb.leading_zeros());
        self.total_bits().saturating_sub(usize::try_from(unused).unwrap_or_default())
    }

    /// The number to the power of 65537, modulo this one. Both are big-endian, and the result is as long as the modulus.
    /// `None` if the number is not less than the modulus.
    pub(super) fn power_65537(&self, number: &[u8]) -> Option<Vec<u8>> {
        let mut base = limbs(number);
        base.resize(self.limbs.len().max(base.len()), 0);
        if base.len() > self.limbs.len() || is_at_least(&base, &self.limbs) {
            return None;
        }
        // base·R, and after sixteen squarings base^65536·R. The product with the base itself takes R away again.
        let power = (0..16).fold(self.multiply(&base, &self.r_squared), |power, _| self.multiply(&power, &power));
        let result = self.multiply(&power, &base);
        let bytes = result.iter().rev().flat_map(|limb| limb.to_be_bytes());
        Some(bytes.skip(self.total_bits().div_ceil(8).saturating_sub(self.byte_length())).collect())
    }

    /// The number of bits in the limbs.
    fn total_bits(&self) -> usize {
        self.limbs.len().saturating_mul(32)
    }

    /// a·b/R modulo this number, for numbers below it. (Montgomery, Modular Multiplication Without Trial Division, 1985;
    /// here with each row reduced as it is added.)
    fn multiply(&self, a: &[u32], b: &[u32]) -> Vec<u32> {
        let mut sum = vec![0; self.limbs.len()];
        let mut top = false;
        for &digit in a {
            top = self.add_row(&mut sum, top, digit, b);
        }
        if top || is_at_least(&sum, &self.limbs) {
            subtract(&mut sum, &self.limbs);
        }
        sum
    }

    /// Replaces the sum by (sum + digit·b + factor·modulus)/2³², with the factor that makes the division exact. `top` is the
    /// bit above the sum's limbs, before and after.
    fn add_row(&self, sum: &mut [u32], top: bool, digit: u32, b: &[u32]) -> bool {
        let mut columns = sum.iter_mut().zip(b).zip(&self.limbs);
        let Some(((mut previous, &b_lowest), &lowest)) = columns.next() else { return top };
        let (row, mut row_carry) = multiply_add(digit, b_lowest, *previous, 0);
        let factor = row.wrapping_mul(self.negated_inverse);
        let (_zero, mut carry) = multiply_add(factor, lowest, row, 0);
        for ((limb, &b_limb), &modulus_limb) in columns {
            let (row, high) = multiply_add(digit, b_limb, *limb, row_carry);
            row_carry = high;
            (*previous, carry) = multiply_add(factor, modulus_limb, row, carry);
            previous = limb;
        }
        let (low, first) = row_carry.overflowing_add(carry);
        let (low, second) = low.overflowing_add(u32::from(top));
        *previous = low;
        first || second
    }

    fn compute_r_squared(&self) -> Vec<u32> {
        // 2^(bits − 1) is below the modulus. Doubling it gives 2^odd·R, and each product of such a number with itself
        // doubles the exponent in front of R, until it is that of R.
        let squarings = self.total_bits().trailing_zeros();
        let odd = self.total_bits().checked_shr(squarings).unwrap_or_default();
        let start = self.bit_length().saturating_sub(1);
        let mut number = vec![0; self.limbs.len()];
        if let Some(limb) = number.get_mut(start.div_euclid(32)) {
            *limb = 1u32.checked_shl(u32::try_from(start.rem_euclid(32)).unwrap_or_default()).unwrap_or_default();
        }
        for _ in start..self.total_bits().saturating_add(odd) {
            self.double(&mut number);
        }
        (0..squarings).fold(number, |number, _| self.multiply(&number, &number))
    }

    /// Doubles a number below this one, modulo this one.
    fn double(&self, number: &mut [u32]) {
        let mut carry = 0;
        for limb in number.iter_mut() {
            let doubled = limb.wrapping_shl(1) | carry;
            carry = limb.wrapping_shr(31);
            *limb = doubled;
        }
        if carry == 1 || is_at_least(number, &self.limbs) {
            subtract(number, &self.limbs);
        }
    }
}

/// The low and the high half of a·b + c + d, which always fits 64 bits.
fn multiply_add(a: u32, b: u32, c: u32, d: u32) -> (u32, u32) {
    let product = u64::from(a).wrapping_mul(u64::from(b));
    let sum = product.wrapping_add(u64::from(c)).wrapping_add(u64::from(d));
    (low_half(sum), low_half(sum.wrapping_shr(32)))
}

#[expect(clippy::cast_possible_truncation, reason = "only the low half is wanted")]
fn low_half(number: u64) -> u32 {
    number as u32
}

/// The inverse of an odd number modulo 2³².
fn inverse(odd: u32) -> u32 {
    // Newton's iteration doubles the number of correct bits: from 3 to 96 in five steps.
    (0..5).fold(odd, |inverse, _| inverse.wrapping_mul(2u32.wrapping_sub(odd.wrapping_mul(inverse))))
}

/// The limbs of a big-endian number.
fn limbs(bytes: &[u8]) -> Vec<u32> {
    bytes
        .rchunks(4)
        .map(|chunk| chunk.iter().fold(0, |limb: u32, byte| limb.wrapping_shl(8) | u32::from(*byte)))
        .collect()
}

/// Whether a ≥ b, for numbers of as many limbs.
fn is_at_least(a: &[u32], b: &[u32]) -> bool {
    a.iter().rev().ge(b.iter().rev())
}

/// Subtracts b from a, for numbers of as many limbs, and drops the borrow.
fn subtract(a: &mut [u32], b: &[u32]) {
    let mut borrow = false;
    for (limb, other) in a.iter_mut().zip(b) {
        let (difference, first) = limb.overflowing_sub(*other);
        let (difference, second) = difference.overflowing_sub(u32::from(borrow));
        *limb = difference;
        borrow = first || second;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by the schoolbook, for numbers of up to 128 bits.
    fn power_by_hand(number: u128, modulus: u128) -> u128 {
        let multiply = |a: u128, b: u128| {
            (0..128).rev().fold(0u128, |sum, bit| {
                let add = |a: u128, b: u128| if a >= modulus - b { a - (modulus - b) } else { a + b };
                let doubled = add(sum, sum);
                if b >> bit & 1 == 1 { add(doubled, a) } else { doubled }
            })
        };
        let power = (0..16).fold(number, |power, _| multiply(power, power));
        multiply(power, number)
    }

    fn trimmed(number: u128) -> Vec<u8> {
        number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
    }

    #[test]
    fn powers_are_those_of_the_schoolbook() {
        let moduli = [
            u128::MAX,
            u128::MAX - 2,
            (1 << 127) + 1,
            (1 << 127) - 1,
            (1 << 64) + 1,
            (1 << 64) - 1,
            (1 << 96) - 1,
            (1 << 95) + 1,
            0x1_0000_0001,
            0x1234_5678_9abc_def1_0fed_cba9_8765_4321,
        ];
        for modulus in moduli {
            let parsed = Modulus::new(&trimmed(modulus)).unwrap();
            assert_eq!(parsed.bit_length(), usize::try_from(128 - modulus.leading_zeros()).unwrap());
            let mut number = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834_u128;
            let edges = [0, 1, 2, modulus - 1, modulus - 2, modulus / 2, modulus / 2 + 1];
            let random = std::iter::repeat_with(|| {
                number = number.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
                number % modulus
            });
            for number in edges.into_iter().chain(random.take(200)) {
                let mut expected = trimmed(power_by_hand(number, modulus));
                expected.splice(0..0, vec![0; parsed.byte_length() - expected.len()]);
                assert_eq!(
                    parsed.power_65537(&number.to_be_bytes()[16 - parsed.byte_length()..]),
                    Some(expected),
                    "{number} mod {modulus}"
                );
            }
        }
    }

    #[test]
    fn numbers_that_are_not_below_the_modulus_have_no_power() {
        let modulus = Modulus::new(&trimmed((1 << 96) - 1)).unwrap();
        assert!(modulus.power_65537(&trimmed((1 << 96) - 2)).is_some());
        assert!(modulus.power_65537(&trimmed((1 << 96) - 1)).is_none());
        assert!(modulus.power_65537(&trimmed(1 << 96)).is_none());
        assert!(modulus.power_65537(&trimmed(u128::MAX)).is_none());
    }

    #[test]
    fn an_even_or_short_modulus_is_none() {
        for bytes in [&[][..], &[0], &[1], &[0, 0, 0, 0, 1], &[1, 0, 0, 0, 0], &[1, 0, 0, 0, 2]] {
            assert!(Modulus::new(bytes).is_none(), "{bytes:?}");
        }
    }
}
