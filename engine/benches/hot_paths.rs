//! The hot paths of the engine, timed by criterion: `cargo bench -p benchline-engine --bench hot_paths`.

// A benchmark that cannot be set up has nothing to say.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use benchline_engine::crypto::{BlobName, BlobSealer, BlobSettings, Keys, RootSecret, open_blob, seal_blob};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const NAME: BlobName<'_> = BlobName { user: "ana", namespace: "mail", id: "m-1" };

/// One chunk of the default size, sealed and opened in memory.
fn chunk(criterion: &mut Criterion) {
    let keys = Keys::derive(&RootSecret::from_bytes([7; 32]));
    let settings = BlobSettings::default();
    let content = vec![42; settings.chunk_size as usize];
    let seal = || {
        let mut sealed = Vec::with_capacity(2 * content.len());
        let sealer = BlobSealer::new(&keys, NAME, content.len() as u64, settings).unwrap();
        seal_blob(sealer, black_box(&content[..]), &mut sealed).unwrap();
        sealed
    };
    let sealed = seal();
    let mut group = criterion.benchmark_group("chunk");
    group.throughput(Throughput::Bytes(content.len() as u64));
    group.bench_function("seal", |bencher| bencher.iter(seal));
    group.bench_function("open", |bencher| {
        bencher.iter(|| {
            let mut opened = Vec::with_capacity(content.len());
            open_blob(&keys, NAME, black_box(&sealed[..]), &mut opened).unwrap();
            opened
        });
    });
    group.finish();
}

criterion_group!(hot_paths, chunk);
criterion_main!(hot_paths);
