//! Random numbers as functions of where they are used: no state, so no order of use to keep.
//!
//! Philox4x32-10 (Salmon and others 2011, SC'11) maps a key and a counter of 128 bits to 128 random
//! bits by ten rounds of two 32-bit multiplications. The key is the seed; the counter is
//! `(call, sample, row)`. Any thread, block or lane that needs the numbers of a row finds the same.
//!
//! Two normals come from one call without rejection (Box and Muller 1958). With `u` uniform in (0, 1)
//! and `t` uniform in `(-pi/4, pi/4)`, an angle in the first quadrant is `t + pi/4`, so
//! ```text
//! sqrt(-log u) (cos t - sin t)   and   sqrt(-log u) (cos t + sin t),
//! ```
//! each with a random sign, are independent standard normals. `u` is an odd multiple of 2^-53: no
//! number is beyond 8.6 in absolute value, where a normal is once in 10^17.

use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::linalg::special::log;

const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const KEY_STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const LOW: u64 = 0xFFFF_FFFF;
const ONE: u64 = 1.0_f64.to_bits();

/// The call that belongs to the uniform number of a sample; normals have the ones after it.
const UNIFORM_CALL: u32 = 0;

/// The random numbers of one row.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    seed: u64,
    row: u64,
}

/// 128 random bits for each of some samples: the first and the second 64.
type Words = [[u64; MAX_LANES]; 2];

impl Stream {
    /// The numbers that belong to this seed and row.
    pub fn new(seed: u64, row: u64) -> Self {
        Self { seed, row }
    }

    /// A uniform number in (0, 1) for a sample: an odd multiple of 2^-53.
    pub fn uniform(&self, sample: u32) -> f64 {
        unit(self.words(&[sample], 1, UNIFORM_CALL)[0][0])
    }

    /// Two more uniform numbers of a sample, by the number of the pair: of a stream whose normals are
    /// not used.
    pub fn uniforms(&self, sample: u32, pair: u32) -> [f64; 2] {
        let [a, b] = self.words(&[sample], 1, pair + UNIFORM_CALL + 1);
        [unit(a[0]), unit(b[0])]
    }

    /// The pair of normals with this number for each of up to `V::N` samples; left-over lanes hold
    /// normals of no use.
    #[inline(always)]
    pub fn normals<V: Lanes>(&self, samples: &[u32], pair: u32) -> (V, V) {
        let [a, b] = self.words(samples, V::N, pair + UNIFORM_CALL + 1);
        let mut u = [0.5; MAX_LANES];
        let mut angle = [0.0; MAX_LANES];
        let mut signs = [[1.0; MAX_LANES]; 2];
        for lane in 0..V::N {
            u[lane] = unit(a[lane]);
            angle[lane] = std::f64::consts::FRAC_PI_2 * (unit(b[lane]) - 0.5);
            // The lowest bits of `b` are not part of the angle.
            signs[0][lane] = f64::from_bits(ONE | b[lane] << 63);
            signs[1][lane] = f64::from_bits(ONE | (b[lane] & 2) << 62);
        }
        let radius = log(V::load(&u)).neg().sqrt();
        let (sin, cos) = sin_cos(V::load(&angle));
        let first = V::load(&signs[0]) * (cos - sin);
        let second = V::load(&signs[1]) * (cos + sin);
        (radius * first, radius * second)
    }

    /// One call for each of the samples, `lanes` of them; the missing ones are taken to be zero.
    #[inline(always)]
    fn words(&self, samples: &[u32], lanes: usize, call: u32) -> Words {
        let mut c = [[0_u64; MAX_LANES]; 4];
        for lane in 0..lanes {
            c[0][lane] = u64::from(call);
            c[1][lane] = u64::from(samples.get(lane).copied().unwrap_or(0));
            c[2][lane] = self.row & LOW;
            c[3][lane] = self.row >> 32;
        }
        philox(&mut c, lanes, [self.seed as u32, (self.seed >> 32) as u32]);
        let mut out = [[0; MAX_LANES]; 2];
        for lane in 0..lanes {
            out[0][lane] = c[0][lane] | c[1][lane] << 32;
            out[1][lane] = c[2][lane] | c[3][lane] << 32;
        }
        out
    }
}

/// Ten rounds on counters of four 32-bit words, which are kept in 64 bits each.
#[inline(always)]
fn philox(c: &mut [[u64; MAX_LANES]; 4], lanes: usize, mut key: [u32; 2]) {
    for _ in 0..10 {
        let [k0, k1] = key.map(u64::from);
        for lane in 0..lanes {
            let p = MULTIPLIERS[0] * c[0][lane];
            let q = MULTIPLIERS[1] * c[2][lane];
            c[0][lane] = (q >> 32) ^ c[1][lane] ^ k0;
            c[1][lane] = q & LOW;
            c[2][lane] = (p >> 32) ^ c[3][lane] ^ k1;
            c[3][lane] = p & LOW;
        }
        key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
    }
}

/// An odd multiple of 2^-53 in (0, 1) from the upper 52 bits.
#[inline(always)]
fn unit(word: u64) -> f64 {
    (f64::from_bits(ONE | word >> 12) - 1.0) + f64::EPSILON / 2.0
}

/// Sine and cosine for `|t| <= pi / 4`: their series to `t^15` and `t^16`.
#[inline(always)]
fn sin_cos<V: Lanes>(t: V) -> (V, V) {
    let square = t * t;
    let (mut sin, mut cos) = (V::splat(1.0), V::splat(1.0));
    for n in (1..8).rev() {
        let (odd, even) = (f64::from(2 * n * (2 * n + 1)), f64::from((2 * n + 1) * (2 * n + 2)));
        sin = (square * V::splat(1.0 / odd)).neg_mul_add(sin, V::splat(1.0));
        cos = (square * V::splat(1.0 / even)).neg_mul_add(cos, V::splat(1.0));
    }
    (t * sin, (square * V::splat(0.5)).neg_mul_add(cos, V::splat(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::lanes::{at_each_level, kernel};

    #[test]
    fn philox_gives_its_published_answers() {
        let answers: [([u64; 4], [u32; 2], [u64; 4]); 3] = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([LOW; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, want) in answers {
            let mut c = counter.map(|word| [word; MAX_LANES]);
            philox(&mut c, MAX_LANES, key);
            assert_eq!(c, want.map(|word| [word; MAX_LANES]));
        }
    }

    kernel!(
        /// Normals of pair 0 and 1 of all samples of a stream, and the uniform.
        fn draw<V: Lanes>(stream: Stream, count: u32) -> Vec<[f64; 4]> {
            let mut out = Vec::new();
            let samples: Vec<u32> = (0..count).collect();
            for chunk in samples.chunks(V::N) {
                let (a, b) = stream.normals::<V>(chunk, 0);
                let (c, d) = stream.normals::<V>(chunk, 1);
                let all = [a, b, c, d].map(|v| v.to_array());
                out.extend((0..chunk.len()).map(|lane| all.map(|v| v[lane])));
            }
            out
        }
    );

    #[test]
    fn normals_are_box_and_muller_of_the_words_at_every_level() {
        let stream = Stream::new(123, 1 << 40);
        at_each_level(|_| {
            for (sample, draw) in draw(stream, 21).iter().enumerate() {
                for pair in 0..2 {
                    let [a, b] = stream.words(&[sample as u32], 1, pair + 1);
                    let (u, v, bits) = (unit(a[0]), unit(b[0]), b[0]);
                    let angle = v * std::f64::consts::FRAC_PI_2;
                    let radius = (-2.0 * u.ln()).sqrt();
                    let sign = |bit: u64| if bits >> bit & 1 == 1 { -1.0 } else { 1.0 };
                    let at = 2 * pair as usize;
                    assert!((draw[at] - sign(0) * radius * angle.cos()).abs() < 1e-14);
                    assert!((draw[at + 1] - sign(1) * radius * angle.sin()).abs() < 1e-14);
                }
            }
        });
    }

    #[test]
    fn normals_have_the_moments_tails_and_independence_of_normals() {
        let n = 200_000;
        let draws = draw(Stream::new(7, 11), n);
        let mean = |f: &dyn Fn(&[f64; 4]) -> f64| {
            let (sum, square) =
                draws.iter().map(f).fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
            let average = sum / f64::from(n);
            (average, ((square / f64::from(n) - average * average) / f64::from(n)).sqrt())
        };
        let close = |what: &str, (average, error): (f64, f64), want: f64| {
            assert!((average - want).abs() < 4.5 * error, "{what}: {average} {error} {want}");
        };
        for a in 0..4 {
            for (power, want) in [(1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0), (6, 15.0)] {
                close("moment", mean(&|x| x[a].powi(power)), want);
            }
            for (x, p) in [(-2.0, 0.022_750_13), (-0.5, 0.308_537_54), (3.0, 0.998_650_10)] {
                close("tail", mean(&|draw| f64::from(u8::from(draw[a] < x))), p);
            }
            for b in 0..a {
                close("product", mean(&|x| x[a] * x[b]), 0.0);
                close("squares", mean(&|x| (x[a] * x[b]).powi(2)), 1.0);
            }
        }
    }

    #[test]
    fn streams_of_other_rows_and_seeds_are_uncorrelated_and_uniform() {
        let n = 100_000_u32;
        let near = Stream::new(1, 5);
        for other in [Stream::new(1, 6), Stream::new(2, 5), Stream::new(1, 5 + (1 << 32))] {
            let (mut sum, mut product) = (0.0, 0.0);
            for sample in 0..n {
                let (x, y) = (near.uniform(sample), other.uniform(sample));
                assert!(x > 0.0 && x < 1.0);
                sum += x - 0.5;
                product += (x - 0.5) * (y - 0.5);
            }
            let size = f64::from(n).sqrt();
            assert!((sum / size).abs() < 4.5 / 12_f64.sqrt());
            assert!((product / size).abs() < 4.5 / 12.0);
        }
    }
}
