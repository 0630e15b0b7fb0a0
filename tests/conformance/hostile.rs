//! Keys that no provider makes and signatures that no key made, by hand.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use temporal_auth::crypto::{Algorithm, UnusableKey};
use temporal_auth::keys::Key;

fn key(members: Value) -> Result<Key, UnusableKey> {
    let mut jwk = members;
    jwk["kid"] = json!("k");
    Key::parse(jwk.as_object().unwrap())
}

fn text(bytes: &[u8]) -> Value {
    json!(URL_SAFE_NO_PAD.encode(bytes))
}

/// Points of small order, in both spellings where there are two: by such a key S = 0 and a fitting R sign one message in
/// eight, or each.
#[test]
fn ed25519_keys_of_small_order() {
    let [zero, mut one, mut minus] = [[0; 32], [0; 32], [0xff; 32]];
    one[0] = 1;
    (minus[0], minus[31]) = (0xec, 0x7f);
    let order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
    let other_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
    let bytes = |digits: &str| -> [u8; 32] {
        std::array::from_fn(|place| u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).unwrap())
    };
    let mut points = vec![zero, one, minus, bytes(order_8), bytes(other_8)];
    // p and p + 1 for 0 and 1.
    points.extend([0xed, 0xee].map(|low| {
        let mut point = minus;
        point[0] = low;
        point
    }));
    let signs = points.clone().into_iter().map(|mut point| {
        point[31] ^= 0x80;
        point
    });
    points.extend(signs.collect::<Vec<_>>());
    for point in points {
        let why = key(json!({"kty": "OKP", "crv": "Ed25519", "x": text(&point)})).unwrap_err();
        assert_eq!(why, UnusableKey::Invalid, "{point:?}");
    }
}

/// Whatever the modulus, a verification ends soon: here it is even, a power of two, all ones, and a square.
#[test]
fn rsa_moduli_of_any_shape() {
    let shapes: [fn(usize) -> u8; 4] =
        [|_| 0xfe, |place| u8::from(place == 0) << 7, |_| 0xff, |place| [0xa5, 0x21][place % 2]];
    let mut taken = 0;
    for (shape, size) in shapes.into_iter().flat_map(|shape| [(shape, 256), (shape, 512)]) {
        let modulus: Vec<u8> = (0..size).map(shape).collect();
        let Ok(key) = key(json!({"kty": "RSA", "n": text(&modulus), "e": "AQAB"})) else { continue };
        taken += 1;
        for fill in [0, 1, 0x7f, 0xff] {
            let signature = vec![fill; size];
            let begin = Instant::now();
            for algorithm in [Algorithm::Rs256, Algorithm::Ps512] {
                assert!(!key.verify(algorithm, b"signed", &signature));
            }
            assert!(begin.elapsed() < Duration::from_secs(5));
        }
    }
    assert_eq!(taken, 4, "of some the library below makes keys");
}

/// r and s of nothing, of the order and of more: what was accepted as a signature of everything (CVE-2022-21449).
#[test]
fn ecdsa_numbers_out_of_range() {
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"});
    let key = key(jwk).unwrap();
    let order = [0xffff_ffff_0000_0000, u64::MAX, 0xbce6_faad_a717_9e84, 0xf3b9_cac2_fc63_2551_u64];
    let order: Vec<u8> = order.iter().flat_map(|word| word.to_be_bytes()).collect();
    let mut one = vec![0; 32];
    one[31] = 1;
    let numbers = [vec![0; 32], one, order, vec![0xff; 32]];
    for (r, s) in numbers.iter().flat_map(|r| numbers.iter().map(move |s| (r, s))) {
        assert!(!key.verify(Algorithm::Es256, b"signed", &[r.as_slice(), s].concat()));
    }
    for length in [0, 1, 63, 65, 72, 96] {
        assert!(!key.verify(Algorithm::Es256, b"signed", &vec![1; length]), "{length}");
    }
}
