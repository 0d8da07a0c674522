//! Factored regression: reads the parts of the model, and writes the posterior as lists of
//! matrices.

use extendr_api::prelude::*;
use mnmash_core::factored::covariates::Covariates;
use mnmash_core::factored::factor::{Factor, SampleWeights};
use mnmash_core::factored::families::Family;
use mnmash_core::factored::families::Outcomes;
use mnmash_core::factored::families::beta::Beta;
use mnmash_core::factored::families::binomial::Binomial;
use mnmash_core::factored::families::dispersion::{Dispersion, Link};
use mnmash_core::factored::families::gaussian::Gaussian;
use mnmash_core::factored::families::negative_binomial::{Mean, NegativeBinomial};
use mnmash_core::factored::families::voom::Voom;
use mnmash_core::factored::hyper::Hyper;
use mnmash_core::factored::left::Kind;
use mnmash_core::factored::sgvb::{self, Stochastic};
use mnmash_core::factored::slab::{Sign, Slab};
use mnmash_core::factored::{Direct, Options, Problem, fit};
use mnmash_core::predictors::{Dense, Predictors};

use crate::boundary::{Run, arguments};
use crate::read::{Field, Fields, Outcome};
use crate::words::{FAMILIES, FamilyName, left_priors};
use crate::write::{ended, nullable, table};

/// The family of n by m outcomes: `list(name, covariates, low, high, start, size, base)`.
/// `covariates` (n by q) are those of variances or dispersions, which lie between `low` and `high`
/// (m each) and begin at `start`; a field that a family has no use for is NULL.
fn read_family(list: &Fields, n: usize, m: usize) -> Outcome<Family> {
    let covariates = list.maybe("covariates", |c| c.matrix_with(n))?.map_or(&[][..], |c| c.values);
    let each = |name| list.maybe(name, |x| x.numbers_of(m)).map(Option::unwrap_or_default);
    let (low, high, start) = (each("low")?, each("high")?, each("start")?);
    let cells = |name: &str| list.maybe(name, |x| Ok(x.matrix_of(n, m)?.values.to_vec()));
    let (size, base) = (cells("size")?.unwrap_or_default(), cells("base")?.unwrap_or_default());
    let between = || low.iter().zip(high).map(|(l, h)| Link::Between(*l, *h)).collect();
    let above = || low.iter().map(|l| Link::Above(*l)).collect();
    let model = |link| Dispersion::new(n, covariates, link, start);
    let negative_binomial =
        |mean| Family::NegativeBinomial(NegativeBinomial::new(mean, model(above())));
    Ok(match list.one_of("name", FAMILIES)? {
        FamilyName::Gaussian => Family::Gaussian(Gaussian { model: model(between()) }),
        FamilyName::Voom => Family::Voom(Voom { model: model(between()), base }),
        FamilyName::NegativeBinomialOdds => negative_binomial(Mean::Odds),
        FamilyName::NegativeBinomialLog => negative_binomial(Mean::Log),
        FamilyName::Beta => Family::Beta(Beta::new(model(above()))),
        FamilyName::Binomial => Family::Binomial(Binomial { size }),
    })
}

/// Ranges of hyper-parameters: `list(pi, tau)`, each from and to.
fn hyper(list: &Field) -> Outcome<Hyper> {
    list.read(|h| Ok(Hyper { pi: h.get("pi")?.pair()?, tau: h.get("tau")?.pair()? }))
}

/// Outcome-specific effects: of each outcome, the predictors that may act on it.
fn direct(masks: &Field, n: usize, p: usize, hyper: Hyper) -> Outcome<Vec<Direct>> {
    let pi = (1.0 / p.max(1) as f64).clamp(hyper.pi.0, hyper.pi.1);
    let tau = 1f64.clamp(hyper.tau.0, hyper.tau.1);
    let one = |(_, mask): &(&str, Field)| {
        let active = mask.places(p)?;
        let slab = Slab::new(active.len(), pi, tau, Sign::Any);
        Ok(Direct { active, slab, mean: vec![0.0; n], variance: vec![0.0; n] })
    };
    masks.items()?.iter().map(one).collect()
}

// A fit of `responses`: `list(y, offset, weights, covariates, precision, masks)`. `prior`:
// `list(u_prior, nonneg, left, right, direct)`. With `control$seed` by stochastic gradients, with
// NULL by coordinate ascent.
#[extendr]
fn rust_fqtl(
    x: Robj,
    responses: Robj,
    family: Robj,
    prior: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(x, responses, family, prior, control);
    let x = x.matrix()?;
    let (n, p) = (x.rows, x.cols);
    let (options, seed, l) = control.read(|c| {
        let options = (c.count("K")?, c.count("n_seeds")?, c.count("max_iter")?, c.number("tol")?);
        Ok((options, c.maybe("seed", |s| s.seed())?, c.count("L")?))
    })?;
    let (left_prior, sign, [left, right, of_direct]) = prior.read(|f| {
        let sign = if f.flag("nonneg")? { Sign::Positive } else { Sign::Any };
        let ranges = [hyper(&f.get("left")?)?, hyper(&f.get("right")?)?, hyper(&f.get("direct")?)?];
        Ok((f.one_of("u_prior", &left_priors(l))?, sign, ranges))
    })?;
    let (factors, seeds, max_iter, tol) = options;
    let options = Options { factors, left: left_prior, sign, seeds, max_iter, tol };
    let design = Dense::as_given(x.values, n);
    let (problem, masks) = responses.read(|r| {
        let y = r.get("y")?.matrix_with(n)?;
        let covariates = r.get("covariates")?.matrix_with(n)?;
        let precision = r.number("precision")?;
        let weights = r.maybe("weights", |w| w.matrix_with(n))?;
        let offset = r.maybe("offset", |o| o.matrix_of(n, y.cols))?;
        let problem = Problem {
            design: &design,
            outcomes: Outcomes { n, m: y.cols, y: y.values },
            covariates: Covariates { q: covariates.cols, values: covariates.values, precision },
            offset: offset.map_or(&[][..], |o| o.values),
            weights: weights.map(|w| SampleWeights { values: w.values, count: w.cols }),
            left,
            right,
            direct: of_direct,
        };
        Ok((problem, r.maybe("masks", |m| direct(m, n, p, of_direct))?.unwrap_or_default()))
    })?;
    let family = family.read(|f| read_family(f, n, problem.outcomes.m))?;
    let done = Run::new(&run)?.with(|monitor| match seed {
        None => {
            let fit = fit(&problem, family, masks, options, monitor)?;
            Ok(Stochastic { fit, error: f64::NAN })
        }
        Some(seed) => sgvb::fit(&problem, family, masks, options, seed, monitor),
    })?;
    Ok(write(&problem, &done))
}

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

fn write(problem: &Problem<'_>, done: &Stochastic) -> List {
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

extendr_module! {
    mod factored;
    fn rust_fqtl;
}
