#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| temporal_auth_fuzz::targets::http::run(data));
