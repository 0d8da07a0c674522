//! The hyper-parameters of the factors, and the scales of their two sides.
//!
//! The variants of all factors have one prior: a few of them alone say too little of how many there are
//! and how large their effects. The outcomes' loadings are another matter: one factor acts on every
//! outcome, another on one, so that each has an inclusion probability of its own.

use super::factor::Factor;
use super::hyper::{Hyper, Presence, Sums};
use super::left::Kind;
use crate::linalg::search::root;

/// A factor with a smaller sum of inclusion probabilities has no scale.
const EMPTY: f64 = 1e-3;

/// The best hyper-parameters of the factors. With `rescale` also their best scales: `u v'` is that of
/// `c u` and `v / c`, and coordinate ascent alone finds `c` at a rate of a few percent a round.
pub fn update(factors: &mut [Factor], left: &Hyper, right: &Hyper, rescale: bool) {
    update_sparse(factors, left, rescale);
    let singles = factors.iter().filter_map(|f| f.left.kind.single());
    let log_odds = left.log_odds(&Presence::of(singles));
    for factor in factors {
        let sums = Sums::of(&factor.right);
        let (pi, tau) = right.best(&sums, factor.right.tau);
        factor.right.set_prior(pi, tau);
        match &mut factor.left.kind {
            Kind::Sparse(_) => continue,
            Kind::Single(effects) => {
                effects.log_odds = log_odds;
                if rescale && sums.included > EMPTY {
                    balance(factor);
                }
                continue;
            }
            Kind::Group(group) => group.update_hyper(left),
        }
        // The prior of the first side follows: only the divergence of the second depends on `c`.
        if rescale && sums.included > EMPTY && sums.energy > 0.0 {
            let square = factor.left.allowed(tau * sums.energy / sums.included, left);
            factor.left.rescale(square);
            factor.right.rescale(1.0 / square);
        }
    }
}

/// The common prior of the variants, and the scales `x = c^2` of the factors. But for constants, the
/// divergence of the two sides of factor k, with sums `S` and energies `E`, is
/// ```text
///   (tau x_k E_uk - S_uk log(tau x_k) + tau_v E_vk / x_k + S_vk log x_k) / 2.
/// ```
fn update_sparse(factors: &mut [Factor], hyper: &Hyper, rescale: bool) {
    let sides: Vec<Sides> = factors.iter().filter_map(|f| Sides::of(f, rescale)).collect();
    let Some(now) = factors.iter().find_map(|f| f.left.sparse()).map(|slab| slab.tau) else {
        return;
    };
    let mut total = Sums::default();
    for side in &sides {
        total.count += side.u.count;
        total.included += side.u.included;
        total.energy += side.u.energy;
    }
    let (pi, mut tau) = hyper.best(&total, now);
    if rescale && hyper.free() && total.energy > 0.0 {
        tau = best_precision(&sides, total.included, hyper);
    }
    let mut sides = sides.into_iter();
    for factor in factors {
        let Kind::Sparse(slab) = &mut factor.left.kind else { continue };
        slab.set_prior(pi, tau);
        let scale = sides.next().map_or(1.0, |side| side.scale(tau));
        if scale != 1.0 {
            factor.left.rescale(scale);
            factor.right.rescale(1.0 / scale);
        }
    }
}

/// The best scale of a factor of single effects, whose prior is known.
fn balance(factor: &mut Factor) {
    let Some(u) = factor.left.kind.single().map(|effects| effects.sums()) else { return };
    let mut v = Sums::of(&factor.right);
    v.energy *= factor.right.tau;
    if u.included > EMPTY && u.energy > 0.0 {
        let scale = Sides { u, v, free: true }.scale(1.0);
        factor.left.rescale(scale);
        factor.right.rescale(1.0 / scale);
    }
}

/// The sums of the two sides of a factor, the second in units of its prior's precision.
struct Sides {
    u: Sums,
    v: Sums,
    /// Whether there is a scale to choose.
    free: bool,
}

impl Sides {
    fn of(factor: &Factor, rescale: bool) -> Option<Self> {
        let u = Sums::of(factor.left.sparse()?);
        let mut v = Sums::of(&factor.right);
        v.energy *= factor.right.tau;
        let free = rescale && u.included > EMPTY && v.included > EMPTY;
        Some(Self { u, v, free })
    }

    /// `tau x E_u` at the best scale: the positive root of `y^2 - (S_u - S_v) y - tau E_u E_v`, which
    /// grows with `tau`.
    fn energy(&self, tau: f64) -> f64 {
        if !self.free {
            return tau * self.u.energy;
        }
        let (difference, product) =
            (self.u.included - self.v.included, tau * self.u.energy * self.v.energy);
        let root = (difference * difference + 4.0 * product).sqrt();
        // Without cancellation.
        if difference > 0.0 {
            0.5 * (difference + root)
        } else {
            2.0 * product / (root - difference)
        }
    }

    /// The best scale.
    fn scale(&self, tau: f64) -> f64 {
        if self.free { self.energy(tau) / (tau * self.u.energy) } else { 1.0 }
    }
}

/// The precision at which the energies, each at its best scale, are those of so many coefficients: they
/// grow with it.
fn best_precision(sides: &[Sides], included: f64, hyper: &Hyper) -> f64 {
    let surplus = |log: f64| {
        let energy: f64 = sides.iter().map(|side| side.energy(log.exp())).sum();
        energy - included
    };
    root(surplus, hyper.tau.0.ln(), hyper.tau.1.ln()).exp().clamp(hyper.tau.0, hyper.tau.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factored::left::Left;
    use crate::factored::single::SingleEffects;
    use crate::factored::slab::{Sign, Slab};
    use crate::linalg::scalar::logistic;
    use crate::predictors::Dense;
    use crate::testing::normals;

    const LEFT: Hyper = Hyper { pi: (1e-3, 0.9), tau: (1e-3, 1e3) };
    const RIGHT: Hyper = Hyper { pi: (0.01, 0.99), tau: (1.0, 1.0) };

    fn some_slab(seed: u64, len: usize, size: f64) -> Slab {
        let mut slab = Slab::new(len, 0.2, 1.0, Sign::Any);
        let z = normals(seed, 2 * len);
        for j in 0..len {
            (slab.alpha[j], slab.mu[j], slab.s2[j]) =
                (logistic(z[2 * j] - 1.0), size * z[2 * j + 1], 0.1 * size * size);
        }
        slab
    }

    /// Factors whose effects differ fivefold in size.
    fn some_factors() -> Vec<Factor> {
        let factor = |seed: u64, size: f64| Factor {
            left: Left::new(2, Kind::Sparse(some_slab(seed, 20, size))),
            right: some_slab(seed + 10, 7, 1.0),
            weight: None,
        };
        vec![factor(1, 0.3), factor(2, 1.5)]
    }

    fn divergence(factors: &[Factor]) -> f64 {
        factors.iter().map(|f| f.left.kl() + f.right.kl()).sum()
    }

    fn slab(factor: &mut Factor) -> &mut Slab {
        match &mut factor.left.kind {
            Kind::Sparse(slab) => slab,
            _ => unreachable!(),
        }
    }

    type Change<'a> = &'a dyn Fn(&mut [Factor]);

    #[test]
    fn no_other_prior_and_no_other_scale_has_a_larger_bound() {
        let mut factors = some_factors();
        let before = divergence(&factors);
        let product = |f: &mut Factor| slab(f).mean(3) * f.right.mean(2);
        let effect = product(&mut factors[1]);
        update(&mut factors, &LEFT, &RIGHT, true);
        let best = divergence(&factors);
        assert!(best < before - 0.1, "{before} {best}");
        assert!((product(&mut factors[1]) / effect - 1.0).abs() < 1e-12);
        let (pi, tau) = (slab(&mut factors[0]).pi, slab(&mut factors[0]).tau);
        assert_eq!((pi, tau), (slab(&mut factors[1]).pi, slab(&mut factors[1]).tau));
        for step in [-1e-3, 1e-3] {
            let by = 1.0 + step;
            let changes: [Change<'_>; 4] = [
                &|f| f.iter_mut().for_each(|f| slab(f).set_prior(pi, tau * by)),
                &|f| f.iter_mut().for_each(|f| slab(f).set_prior(pi * by, tau)),
                &|f| {
                    let own = f[0].right.pi;
                    f[0].right.set_prior(own * by, 1.0);
                },
                &|f| {
                    f[1].left.rescale(by);
                    f[1].right.rescale(1.0 / by);
                },
            ];
            for (which, change) in changes.into_iter().enumerate() {
                let mut other = factors.clone();
                change(&mut other);
                assert!(divergence(&other) > best, "{which} {step}");
            }
        }
    }

    #[test]
    fn no_other_scale_of_single_effects_has_a_larger_bound() {
        let (n, p) = (30, 8);
        let x = normals(3, n * p);
        let design = Dense::as_given(&x[..], n);
        let (omega, b) = (vec![1.0; n], normals(4, n).iter().map(|z| 3.0 * z).collect::<Vec<_>>());
        let single = |p: usize, sizes: &[f64]| {
            let effects = SingleEffects::new(2, n, p, sizes.to_vec(), -1.0);
            Left::new(n, Kind::Single(effects))
        };
        let mut left = single(p, &[1.0, 0.25, 0.06]);
        left.update(&design, &omega, &b, true);
        let mut factors = vec![Factor { left, right: some_slab(5, 7, 2.0), weight: None }];
        update(&mut factors, &LEFT, &RIGHT, true);
        let best = divergence(&factors);
        for by in [0.98, 1.02] {
            let mut other = factors.clone();
            other[0].left.rescale(by);
            other[0].right.rescale(1.0 / by);
            assert!(divergence(&other) > best + 1e-6, "{by}");
        }
        // One predictor, one size: a normal distribution against another.
        let v = 0.5;
        let column = Dense::as_given(&x[..n], n);
        let mut one = single(1, &[v]);
        one.update(&column, &omega, &b, true);
        let (before, by) = (one.kl(), 1.7f64);
        let effect = one.kind.single().unwrap().effects[0].clone();
        one.rescale(by);
        let change = 0.5 * effect.presence * ((by - 1.0) * effect.second[0] / v - by.ln());
        assert!((one.kl() - before - change).abs() < 1e-10);
    }

    #[test]
    fn a_known_prior_stays_and_the_scales_still_settle() {
        let mut factors = some_factors();
        let known = Hyper { pi: (0.1, 0.1), tau: (2.0, 2.0) };
        factors.iter_mut().for_each(|f| slab(f).set_prior(0.1, 2.0));
        update(&mut factors, &known, &RIGHT, true);
        let best = divergence(&factors);
        for factor in 0..2 {
            assert_eq!((slab(&mut factors[factor]).pi, slab(&mut factors[factor]).tau), (0.1, 2.0));
            for by in [0.99, 1.01] {
                let mut other = factors.clone();
                other[factor].left.rescale(by);
                other[factor].right.rescale(1.0 / by);
                assert!(divergence(&other) > best);
            }
        }
    }
}
