//! Compares what this library makes of a request to the HTTP API with the gRPC call that Temporal's gateway makes of it.
//!
//! The messages of such calls are read by the library's reader of protobuf, which is compared with Temporal's own types in the
//! rest of this test. `ORACLE_HTTP="path/to/oracle generate -http -count 100000 -seed 7"` asks the oracle.

mod case;
mod comparison;
mod exceptions;

#[test]
fn http_requests_are_read_as_temporal_does() {
    let mut comparison = comparison::Comparison::default();
    for case in case::read() {
        comparison.compare(&case);
    }
    println!("{comparison}");
    comparison.assert_agreement();
}
