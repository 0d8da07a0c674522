//! The kernels against the machine: arithmetic, bytes, time and share of peak, as a table in CSV.
//!
//! `cargo run --release -p mnmash-core --example roofline`. One thread, least processor time of
//! several runs. Operations are those that the method needs on paper (given with each kernel),
//! additions and multiplications alike; what a kernel does besides, such as logarithms, is not
//! counted. Bytes are those that must come from or go to memory beyond the caches. `above` is the
//! measured time over what peak and bandwidth would allow, the larger of the two.

mod data;
mod machine;
mod mixtures;
mod regressions;

use machine::Machine;

/// A piece of work: what it is, what it needs, and the seconds it took.
struct Row {
    kernel: String,
    /// What one item is.
    per: &'static str,
    items: f64,
    /// Floating-point operations per item.
    flops: f64,
    /// Bytes per item.
    bytes: f64,
    seconds: f64,
}

fn main() -> Result<(), mnmash_core::Error> {
    let machine = Machine::measure();
    println!("kernel,per,flops,bytes,ns,GF/s,% of peak,GB/s,above");
    for (name, peak) in &machine.levels {
        println!("peak: multiply-adds with {name},,,,,{peak:.1},,,");
    }
    for (name, bandwidth) in machine.bandwidths() {
        println!("peak: {name},,,,,,,{bandwidth:.1},");
    }
    let mut rows = mixtures::rows()?;
    rows.extend(regressions::rows()?);
    for row in rows {
        let (flops, bytes) = (row.items * row.flops, row.items * row.bytes);
        let least = (flops / (1e9 * machine.peak)).max(bytes / (1e9 * machine.memory));
        println!(
            "\"{}\",{},{:.0},{:.0},{:.4},{:.1},{:.0},{:.1},{:.1}",
            row.kernel,
            row.per,
            row.flops,
            row.bytes,
            1e9 * row.seconds / row.items,
            flops / row.seconds / 1e9,
            100.0 * flops / row.seconds / 1e9 / machine.peak,
            bytes / row.seconds / 1e9,
            row.seconds / least,
        );
    }
    Ok(())
}
