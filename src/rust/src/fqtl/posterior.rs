//! The posterior of a fit, as lists of matrices.

use extendr_api::prelude::*;
use mnmash_core::factored::factor::Factor;
use mnmash_core::factored::families::Family;
use mnmash_core::factored::left::Kind;
use mnmash_core::factored::sgvb::Stochastic;
use mnmash_core::factored::single::SingleEffects;
use mnmash_core::factored::slab::Slab;
use mnmash_core::factored::{Direct, Problem};
use mnmash_core::linalg::scalar::logistic;
use mnmash_core::predictors::Predictors;

use crate::write::{ended, nullable, table};

/// Single effects less likely to be there have no credible set.
const PRESENT: f64 = 0.5;

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

/// Sums of single effects, and of each the probabilities of where its effects are, if they are there.
fn single_list(sums: &[&SingleEffects], p: usize) -> List {
    let alpha: Vec<RMatrix<f64>> = sums
        .iter()
        .map(|e| {
            let kept: Vec<_> = e.effects.iter().filter(|l| l.presence > PRESENT).collect();
            columns(p, &kept, |l| l.alpha.iter().map(|a| a / l.presence).collect())
        })
        .collect();
    let presence = |e: &&SingleEffects| -> Vec<f64> {
        e.effects.iter().map(|l| l.presence).filter(|&there| there > PRESENT).collect()
    };
    let moment = |of: &dyn Fn(&SingleEffects, usize) -> f64| {
        columns(p, sums, |e| (0..p).map(|j| of(e, j)).collect())
    };
    list!(
        pip = columns(p, sums, |e| e.pip()),
        mean = moment(&|e, j| e.moments(j).0),
        sd = moment(&|e, j| e.moments(j).1.sqrt()),
        pi = sums.iter().map(|e| logistic(e.log_odds)).collect::<Vec<f64>>(),
        alpha = List::from_values(alpha),
        presence = List::from_values(sums.iter().map(presence))
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
            single_list(&effects, p).into()
        }
        Kind::Group(_) => list!(
            pip = columns(1, factors, |f| vec![f.left.inclusion()]),
            mean = columns(n, factors, |f| f.left.mean.clone()),
            sd = columns(n, factors, |f| f.left.variance.iter().map(|v| v.sqrt()).collect())
        )
        .into(),
    }
}

fn direct_list(direct: &Direct) -> List {
    match &direct.kind {
        Kind::Single(effects) => single_list(&[effects], direct.active.len()),
        kind => slab_list(&kind.sparse().into_iter().collect::<Vec<_>>(), direct.active.len()),
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
    let direct: Vec<List> = state.direct.iter().map(direct_list).collect();
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
