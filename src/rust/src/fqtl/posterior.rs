//! The posterior of a fit, as lists of matrices.

use extendr_api::prelude::*;
use mnmash_core::factored::Problem;
use mnmash_core::factored::factor::Factor;
use mnmash_core::factored::families::Family;
use mnmash_core::factored::left::Kind;
use mnmash_core::factored::sgvb::Stochastic;
use mnmash_core::factored::slab::Slab;
use mnmash_core::predictors::Predictors;

use crate::write::{ended, nullable, table};

/// A matrix by columns, one for each item.
fn columns<T>(rows: usize, items: &[T], column: impl Fn(&T) -> Vec<f64>) -> RMatrix<f64> {
    let values: Vec<Vec<f64>> = items.iter().map(column).collect();
    table(rows, items.len(), |i, k| values[k][i])
}

fn slab_list(slabs: &[&Slab], rows: usize) -> List {
    let all = |f: &dyn Fn(&Slab, usize) -> f64| {
        columns(rows, slabs, |s: &&Slab| (0..rows).map(|j| f(s, j)).collect())
    };
    list!(
        pip = all(&|s, j| s.alpha[j]),
        mean = all(&|s, j| s.mean(j)),
        sd = all(&|s, j| s.variance(j).sqrt()),
        pi = slabs.iter().map(|s| s.pi).collect::<Vec<f64>>(),
        tau = slabs.iter().map(|s| s.tau).collect::<Vec<f64>>()
    )
}

/// The sample sides, whatever their prior.
fn left_list(factors: &[Factor], n: usize, p: usize) -> Robj {
    let Some(first) = factors.first() else { return slab_list(&[], p).into() };
    match first.left.kind {
        Kind::Sparse(_) => {
            let slabs: Vec<&Slab> = factors
                .iter()
                .filter_map(
                    |f| if let Kind::Sparse(slab) = &f.left.kind { Some(slab) } else { None },
                )
                .collect();
            slab_list(&slabs, p).into()
        }
        Kind::Single(_) => {
            let effects: Vec<_> = factors
                .iter()
                .filter_map(|f| if let Kind::Single(e) = &f.left.kind { Some(e) } else { None })
                .collect();
            let alpha: Vec<RMatrix<f64>> = effects
                .iter()
                .map(|e| {
                    let kept: Vec<_> = e.effects.iter().filter(|l| l.prior > 0.0).collect();
                    columns(p, &kept, |l| l.alpha.clone())
                })
                .collect();
            list!(
                pip = columns(p, &effects, |e| e.pip()),
                mean = columns(p, &effects, |e| (0..p).map(|j| e.moments(j).0).collect()),
                sd = columns(p, &effects, |e| (0..p)
                    .map(|j| e.moments(j).1.max(0.0).sqrt())
                    .collect()),
                alpha = List::from_values(alpha)
            )
            .into()
        }
        Kind::Group(_) => list!(
            pip = columns(1, factors, |f| vec![f.left.inclusion()]),
            mean = columns(n, factors, |f| f.left.mean.clone()),
            sd = columns(n, factors, |f| f.left.variance.iter().map(|v| v.sqrt()).collect())
        )
        .into(),
    }
}

pub fn list_of(problem: &Problem<'_>, done: &Stochastic) -> List {
    let (n, m, p) = (problem.outcomes.n, problem.outcomes.m, problem.design.count());
    let Stochastic { fit: done, error } = done;
    let state = &done.state;
    let q = problem.covariates.q;
    let cells = |values: &[f64]| table(n, m, |i, t| values[t * n + i]);
    let rights: Vec<&Slab> = state.factors.iter().map(|f| &f.right).collect();
    let response: Vec<f64> =
        (0..n * m).map(|at| state.family.mean(at, state.mean[at], state.variance[at])).collect();
    let model = match &state.family {
        Family::Gaussian(f) => Some(&f.model),
        Family::Voom(f) => Some(&f.model),
        Family::NegativeBinomial(f) => Some(&f.model),
        Family::Beta(f) => Some(&f.model),
        Family::Binomial(_) => None,
    };
    let dispersion =
        model.map(|model| list!(value = cells(&model.value), theta = &model.theta, se = &model.se));
    let direct: Vec<List> =
        state.direct.iter().map(|d| slab_list(&[&d.slab], d.active.len())).collect();
    list!(
        u = left_list(&state.factors, n, p),
        v = slab_list(&rights, m),
        weight = state
            .factors
            .iter()
            .map(|f| f.weight.map_or(0, |k| k as i32 + 1))
            .collect::<Vec<i32>>(),
        scores = columns(n, &state.factors, |f| f.left.mean.clone()),
        covariates = columns(q, &state.effects, |e| e.theta.clone()),
        covariates_sd = columns(q, &state.effects, |e| {
            (0..q).map(|a| e.covariance[(a, a)].sqrt()).collect()
        }),
        direct = List::from_values(direct),
        dispersion = nullable(dispersion),
        eta = cells(&state.mean),
        eta_variance = cells(&state.variance),
        response = cells(&response),
        error = *error,
        ended = ended(&done.ended)
    )
}
