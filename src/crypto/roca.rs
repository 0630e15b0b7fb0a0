//! RSA keys of Infineon's library, which anybody can factor (ROCA, CVE-2017-15361). Whoever factors an issuer's key can
//! sign its tokens.
//!
//! Modulo each small prime, the modulus of such a key is a power of 65537 (Nemec et al., The Return of Coppersmith's
//! Attack, §2.3). That is also true of one in 240 million other moduli.

/// The primes under 168 whose residues are not all powers of 65537.
const PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/// Whether the modulus, big-endian, is that of such a key.
pub fn is_weak(modulus: &[u8]) -> bool {
    PRIMES.into_iter().all(|prime| {
        let multiply_add = |value: u32, factor: u32, addend: u32| {
            value.wrapping_mul(factor).wrapping_add(addend).checked_rem(prime).unwrap_or_default()
        };
        let residue = modulus.iter().fold(0, |residue, byte| multiply_add(residue, 256, u32::from(*byte)));
        let mut powers = std::iter::successors(Some(1), |power| Some(multiply_add(*power, 65537, 0))).take(157);
        powers.any(|power| power == residue)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_65537_are_weak_and_other_moduli_are_not() {
        let power = 65537_u128.pow(5);
        assert!(is_weak(&power.to_be_bytes()) && !is_weak(&(power + 2).to_be_bytes()));
        assert!(!is_weak(&[]) && !is_weak(&[0; 16]), "zero is not a power");
        assert!(is_weak(&[1]), "one is a power");
    }

    #[test]
    fn the_primes_are_those_with_residues_that_are_not_powers() {
        let is_prime = |n: &u32| !(2..*n).any(|divisor| n.is_multiple_of(divisor));
        for prime in (3..168).filter(is_prime) {
            let mut powers: Vec<u32> = (0..prime)
                .scan(1, |power, _| {
                    let now = *power;
                    *power = now * 65537 % prime;
                    Some(now)
                })
                .collect();
            powers.sort_unstable();
            powers.dedup();
            assert_eq!(PRIMES.contains(&prime), powers.len() < (prime - 1) as usize, "{prime}");
        }
    }
}
