//! Wycheproof's raw signatures, by keys as JWKs.

use std::collections::BTreeMap;

use serde_json::json;
use temporal_auth::crypto::Algorithm;
use temporal_auth::keys::Key;

use common::signatures::{SignatureVector, read};

/// How many good signatures of a set were accepted, how many others refused, how many keys refused that are outside the
/// range.
type Counts = [usize; 3];

/// What is wrong with what comes of a vector, if anything is.
fn disagreement(vector: &SignatureVector, counts: &mut Counts) -> Option<String> {
    let mut jwk = vector.jwk.clone();
    jwk.insert("kid".to_owned(), json!("k"));
    let key = match (Key::parse(&jwk), vector.supported) {
        (Ok(key), true) => key,
        (Err(_), false) => {
            counts[2] += 1;
            return None;
        }
        (key, _) => return Some(format!("{}: {key:?}", vector.name)),
    };
    let passes = |algorithm| key.verify(algorithm, &vector.message, &vector.signature);
    if passes(vector.algorithm) != vector.valid {
        return Some(format!("{}: the signature", vector.name));
    }
    counts[usize::from(!vector.valid)] += 1;
    // A good one is not good for another algorithm as well.
    let mut others = Algorithm::ALL.into_iter().filter(|(_, other)| vector.valid && *other != vector.algorithm);
    others.find(|(_, other)| passes(*other)).map(|(other, _)| format!("{}: as {other}", vector.name))
}

#[test]
fn raw_signatures() {
    let mut sets: BTreeMap<String, Counts> = BTreeMap::new();
    let vectors = read();
    let wrong: Vec<String> =
        vectors.iter().filter_map(|vector| disagreement(vector, sets.entry(vector.set.clone()).or_default())).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
    for (set, [valid, invalid, outside]) in &sets {
        println!("{set:32} {valid:4} accepted {invalid:4} refused {outside:2} by refused keys");
    }
    let total = sets.values().fold([0; 3], |sum, counts| std::array::from_fn(|place| sum[place] + counts[place]));
    println!("{total:?}");
    assert_eq!(total, [1028, 3031, 7]);
}
