//! The signs of sums of independent effects, each of which may be exactly zero.
//!
//! A sum is zero if all its effects are. Where few effects with few parts take part, all combinations
//! of parts are gone through, each a normal. Otherwise, with the characteristic function `phi` of the
//! sum, a product over its effects (Gil-Pelaez 1951),
//! ```text
//!   P(> 0) - P(< 0) = 2 / pi  int_0^inf  Im phi(t) / t  dt,
//! ```
//! for all such sums of a unit at the same places `t`, so that what depends on one effect is computed
//! once. The range is cut where the last slab has died out, and goes up in octaves: effects of very
//! different sizes have theirs.

use super::parts::{Parts, below_zero};
use crate::linalg::quadrature::integrate;

/// Probabilities that a sum is zero, negative, and positive.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signs {
    pub zero: f64,
    pub negative: f64,
    pub positive: f64,
}

/// Most combinations that are gone through.
const COMBINATIONS: usize = 1024;

/// How far the two rules of the integral may be apart on a piece: the result is within about 1e-9.
const TOLERANCE: f64 = 1e-8;

/// Standard deviations beyond which nothing is expected of a normal.
const FAR: f64 = 9.0;

/// An effect in a sum: its number, and what multiplies it (not zero).
pub type Term = (usize, f64);

/// Of each sum of `terms` of the effects with these `parts`.
pub fn signs(sums: &[Vec<Term>], parts: &[Parts]) -> Vec<Signs> {
    let mut out = vec![Signs::default(); sums.len()];
    let mut waves = Waves::default();
    let mut at = Vec::new();
    for (k, (terms, out)) in sums.iter().zip(&mut out).enumerate() {
        let count = |n: usize, term: &Term| n.saturating_mul(parts[term.0].len());
        if terms.iter().fold(1, count) <= COMBINATIONS {
            combine(terms, parts, (1.0, 0.0, 0.0), out);
            continue;
        }
        out.zero = terms.iter().map(|term| parts[term.0].zero).product();
        match sure(terms, parts) {
            Some((mean, variance)) => {
                out.negative = (1.0 - out.zero) * below_zero(mean, variance);
                out.positive = (1.0 - out.zero) * below_zero(-mean, variance);
            }
            None => {
                waves.add(terms);
                at.push(k);
            }
        }
    }
    for (k, balance) in at.into_iter().zip(waves.balances(parts)) {
        let some = 1.0 - out[k].zero;
        out[k].negative = (0.5 * (some - balance)).clamp(0.0, some);
        out[k].positive = (0.5 * (some + balance)).clamp(0.0, some);
    }
    out
}

/// All combinations of parts of the terms, from one of those before: weight, mean, variance.
fn combine(terms: &[Term], parts: &[Parts], from: (f64, f64, f64), out: &mut Signs) {
    let (weight, mean, variance) = from;
    let Some(&(effect, by)) = terms.first() else {
        if variance > 0.0 {
            out.negative += weight * below_zero(mean, variance);
            out.positive += weight * below_zero(-mean, variance);
        } else {
            out.zero += weight;
        }
        return;
    };
    let (rest, own) = (&terms[1..], &parts[effect]);
    if own.zero > 0.0 {
        combine(rest, parts, (weight * own.zero, mean, variance), out);
    }
    for slab in &own.slabs {
        let next =
            (weight * slab.weight, mean + by * slab.mean, variance + by * by * slab.variance);
        combine(rest, parts, next, out);
    }
}

/// Mean and variance of a sum whose sign is the same whatever its effects are.
fn sure(terms: &[Term], parts: &[Parts]) -> Option<(f64, f64)> {
    let (mut low, mut high, mut mean, mut variance) = (0.0, 0.0, 0.0, 0.0);
    for &(effect, by) in terms {
        let own = &parts[effect];
        let (mut bottom, mut top) =
            if own.zero > 1e-12 { (0.0, 0.0) } else { (f64::INFINITY, f64::NEG_INFINITY) };
        let (mut first, mut second) = (0.0, 0.0);
        for slab in &own.slabs {
            first += slab.weight * by * slab.mean;
            second += slab.weight * by * by * (slab.mean * slab.mean + slab.variance);
            if slab.weight > 1e-12 {
                let reach = FAR * by.abs() * slab.variance.sqrt();
                bottom = f64::min(bottom, by * slab.mean - reach);
                top = f64::max(top, by * slab.mean + reach);
            }
        }
        low += bottom;
        high += top;
        mean += first;
        variance += (second - first * first).max(0.0);
    }
    (variance > 0.0 && (low > 0.0 || high < 0.0)).then_some((mean, variance))
}

/// Sums by their characteristic functions. Effects that sums have with the same multiplier, or its
/// negative, are one factor.
#[derive(Debug, Default)]
struct Waves {
    /// The effect of a factor, and the size of what multiplies it.
    factors: Vec<Term>,
    /// The factors of each sum, and whether they are conjugates.
    sums: Vec<Vec<(usize, bool)>>,
}

impl Waves {
    fn add(&mut self, terms: &[Term]) {
        let place = |&(effect, by): &Term| {
            let same = |factor: &Term| factor.0 == effect && factor.1 == by.abs();
            let at = self.factors.iter().rposition(same).unwrap_or_else(|| {
                self.factors.push((effect, by.abs()));
                self.factors.len() - 1
            });
            (at, by < 0.0)
        };
        let sum = terms.iter().map(place).collect();
        self.sums.push(sum);
    }

    /// `P(> 0) - P(< 0)` of each sum.
    fn balances(&self, parts: &[Parts]) -> Vec<f64> {
        let mut out = vec![0.0; self.sums.len()];
        if out.is_empty() {
            return out;
        }
        let (mut size, mut least) = (0.0_f64, f64::INFINITY);
        for &(effect, by) in &self.factors {
            for slab in &parts[effect].slabs {
                let sd = by * slab.variance.sqrt();
                size = size.max(by * slab.mean.abs() + FAR * sd);
                least = least.min(sd);
            }
        }
        let end = FAR / least;
        let mut values = vec![(0.0, 0.0); self.factors.len()];
        let mut at = |t: f64, out: &mut [f64]| {
            for (value, &(effect, by)) in values.iter_mut().zip(&self.factors) {
                *value = wave(&parts[effect], by * t);
            }
            for (out, sum) in out.iter_mut().zip(&self.sums) {
                let (mut re, mut im) = (1.0, 0.0);
                for &(factor, conjugate) in sum {
                    let (a, b) = values[factor];
                    let b = if conjugate { -b } else { b };
                    (re, im) = (re * a - im * b, re * b + im * a);
                }
                *out = im / t;
            }
        };
        let (mut from, mut to) = (0.0, (1.0 / size).min(end));
        while from < end {
            integrate((from, to), TOLERANCE, &mut at, &mut out);
            (from, to) = (to, (2.0 * to).min(end));
        }
        out.iter_mut().for_each(|sum| *sum *= std::f64::consts::FRAC_2_PI);
        out
    }
}

/// The characteristic function of an effect, real and imaginary.
fn wave(parts: &Parts, t: f64) -> (f64, f64) {
    let (mut re, mut im) = (parts.zero, 0.0);
    for slab in &parts.slabs {
        let decay = 0.5 * slab.variance * t * t;
        if decay < 45.0 {
            let size = slab.weight * (-decay).exp();
            let (sin, cos) = (slab.mean * t).sin_cos();
            re += size * cos;
            im += size * sin;
        }
    }
    (re, im)
}

#[cfg(test)]
mod tests {
    use super::super::parts::Slab;
    use super::*;
    use crate::testing::uniforms;

    /// Effects with spikes and two slabs each, some of them strong.
    fn effects(n: usize) -> Vec<Parts> {
        let u = uniforms(1, 6 * n);
        let one = |i: usize| {
            let u = &u[6 * i..6 * i + 6];
            let zero = if i % 4 == 3 { 0.0 } else { 0.9 * u[0] };
            let slab = |share: f64, at: usize| Slab {
                weight: (1.0 - zero) * share,
                mean: 4.0 * (u[at] - 0.4),
                variance: 0.01 + u[at + 1],
            };
            Parts { zero, slabs: vec![slab(u[1], 2), slab(1.0 - u[1], 4)] }
        };
        (0..n).map(one).collect()
    }

    #[test]
    fn integrals_are_the_sums_over_all_combinations() {
        // Nine effects have 3^9 combinations: integrals; by hand they are gone through.
        let parts = effects(9);
        let deviation = |own: usize| -> Vec<Term> {
            (0..9).map(|i| (i, if i == own { 1.0 } else { -0.125 })).collect()
        };
        let mut sums: Vec<_> = (0..9).map(deviation).collect();
        sums.push((0..9).map(|i| (i, 1e-3 * 3.0_f64.powi(i as i32))).collect());
        let found = signs(&sums, &parts);
        for (terms, found) in sums.iter().zip(&found) {
            let mut want = Signs::default();
            combine(terms, &parts, (1.0, 0.0, 0.0), &mut want);
            assert!((found.zero - want.zero).abs() < 1e-14);
            assert!((found.negative - want.negative).abs() < 1e-8, "{found:?} {want:?}");
            assert!((found.positive - want.positive).abs() < 1e-8, "{found:?} {want:?}");
        }
        // Alone, a sum is what it is among others.
        let alone = signs(&sums[3..4], &parts);
        assert!((alone[0].negative - found[3].negative).abs() < 1e-8);
    }

    #[test]
    fn few_effects_keep_the_digits_of_small_probabilities() {
        let slab = |mean: f64| Slab { weight: 1.0, mean, variance: 1.0 };
        let of = |mean: f64| Parts { zero: 0.0, slabs: vec![slab(mean)] };
        let found = signs(&[vec![(0, 1.0), (1, -1.0)]], &[of(30.0), of(-10.0)]);
        let want = below_zero(40.0, 2.0);
        assert!(want > 0.0 && (found[0].negative / want - 1.0).abs() < 1e-12);
        assert_eq!(found[0].zero, 0.0);
        // A sum of nothing is zero, and so is one of effects that are.
        let nothing = Parts { zero: 1.0, slabs: vec![] };
        let zero = signs(&[vec![], vec![(0, 2.0)]], &[nothing]);
        assert!(zero.iter().all(|s| s.zero == 1.0 && s.negative + s.positive == 0.0));
    }

    #[test]
    fn large_effects_of_many_have_their_signs() {
        let mut parts = effects(12);
        parts[0] = Parts { zero: 0.0, slabs: vec![Slab { weight: 1.0, mean: 1e4, variance: 1.0 }] };
        parts[1] = parts[0].clone();
        let row = |a: f64| (0..12).map(|i| (i, [1.0, a, 0.1][i.min(2)])).collect::<Vec<_>>();
        let found = signs(&[row(1.0), row(-1.0)], &parts);
        assert!(found[0].positive == 1.0 && found[0].negative < 1e-300);
        let mut want = Signs::default();
        combine(&row(-1.0), &parts, (1.0, 0.0, 0.0), &mut want);
        assert!((found[1].negative - want.negative).abs() < 1e-8);
    }
}
