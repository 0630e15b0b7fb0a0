//! What a body costs: inflating it, and reading what it would do. Sizes are those of the request.

use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use flate2::{Compression, write::GzEncoder};
use temporal_auth::temporal::{Catalogue, RequestReader};
use temporal_auth::wire::gzip::Gunzip;
use temporal_auth::wire::protobuf::write_field;
use temporal_auth::work::Work;

/// The limit of messages.
const MAX: u64 = 4 << 20;
const SIZES: [usize; 4] = [100, 1 << 10, 64 << 10, 1 << 20];

fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_field(&mut bytes, number, content);
    bytes
}

/// A StartWorkflowExecution of about this many bytes: names, and an input of JSON.
fn start(size: usize) -> Vec<u8> {
    let lines =
        (0u32..).map(|line| format!(r#"{{"kind":"base","amount":{}}},"#, line.wrapping_mul(2_654_435_761) % 9973));
    let mut data = String::new();
    for line in lines {
        if data.len() + 60 > size {
            break;
        }
        data.push_str(&line);
    }
    let payload =
        [field(1, &[field(1, b"encoding"), field(2, b"json/plain")].concat()), field(2, data.as_bytes())].concat();
    let fields = [
        field(1, b"payroll"),
        field(2, b"payroll-2026-11-000042"),
        field(3, &field(1, b"PayrollRun")),
        field(4, &field(1, b"payroll")),
        field(5, &field(1, &payload)),
    ];
    fields.concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let catalogue = Catalogue::with(Vec::new());
    let method = catalogue.named("StartWorkflowExecution").expect("a method");
    let mut group = criterion.benchmark_group("bodies");
    for size in SIZES {
        let message = start(size);
        let compressed = gzip(&message);
        let read = |bytes: &[u8]| {
            let mut reader = RequestReader::new(method.clone(), false);
            reader.feed(bytes).and_then(|()| reader.finish()).expect("a request")
        };
        // A request that is not understood would be read in no time.
        assert_eq!(read(&message).namespace, "payroll");
        let inflate = |bytes: &[u8]| {
            let mut length = 0;
            let mut gunzip = Gunzip::new(MAX, Work::default());
            gunzip
                .feed(bytes, |part| {
                    length += part.len();
                    Ok(())
                })
                .and_then(|()| gunzip.finish())
                .map(|()| length)
        };
        assert_eq!(inflate(&compressed), Ok(message.len()));
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_with_input(BenchmarkId::new("scan", size), &message, |bench, message| {
            bench.iter(|| read(black_box(message)));
        });
        group.bench_with_input(BenchmarkId::new("inflate", size), &compressed, |bench, compressed| {
            bench.iter(|| inflate(black_box(compressed)));
        });
    }
    group.finish();
    criterion.final_summary();
}
