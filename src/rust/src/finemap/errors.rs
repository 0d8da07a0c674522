//! What credible sets say of the conditions.

use extendr_api::prelude::*;
use mnmash_core::finemap::{
    Belief, Members, Near, Places, SetError, absence, prior_sharing, set_errors, sharing,
};

use crate::boundary::{Run, arguments};
use crate::nouns::Mixture;
use crate::read::{Field, Fields, Outcome};

/// `list(log_bayes, live)`: the log Bayes factor of each effect, and whether it is in. The
/// probabilities that they are not there, and the latter.
fn absences(evidence: &Field) -> Outcome<(Vec<f64>, Vec<bool>)> {
    evidence.read(|e| {
        let log_bayes = e.get("log_bayes")?.numbers()?;
        let live = e.get("live")?.flags(log_bayes.len())?;
        Ok((absence(log_bayes, &live), live))
    })
}

/// What the most probable variables say: `list(variable, x, s, V, weights, scale)`.
fn near<'a>(list: &Fields<'a>, p: usize, (r, k): (usize, usize)) -> Outcome<Near<'a>> {
    let variables = list.get("variable")?.places(p)?;
    let n = variables.len();
    Ok(Near {
        x: list.get("x")?.matrix_of(n, r)?.values,
        s: list.get("s")?.matrix_of(n, r)?.values,
        v: list.get("V")?.matrix_or_array(r, n)?.0,
        weights: list.get("weights")?.matrix_of(n, k)?.values,
        scale: list.number("scale")?,
        variables,
    })
}

/// `list(variable, alpha, not_positive, not_negative, near)`.
fn belief<'a>(
    field: &Field<'a>,
    absence: f64,
    p: usize,
    (r, k): (usize, usize),
) -> Outcome<Belief<'a>> {
    field.read(|b| {
        let variables = b.get("variable")?.places(p)?;
        let n = variables.len();
        let table =
            |name: &str| Ok::<_, crate::read::Failure>(b.get(name)?.matrix_of(n, r)?.values);
        Ok(Belief {
            absence,
            alpha: b.get("alpha")?.numbers_of(n)?,
            not: [table("not_positive")?, table("not_negative")?],
            near: b.get("near")?.read(|l| near(l, p, (r, k)))?,
            variables,
        })
    })
}

/// `list(effect, variables, with_lead)`.
fn members<'a>(field: &Field<'a>, effects: usize, p: usize) -> Outcome<Members<'a>> {
    field.read(|m| {
        let at = m.get("effect")?;
        let effect = match at.places(effects)?[..] {
            [one] => one,
            _ => return at.wrong("one number"),
        };
        let with_lead = m.get("with_lead")?.numbers_of(p)?;
        Ok(Members { effect, variables: m.get("variables")?.places(p)?, with_lead })
    })
}

// The probability that each effect is not there.
#[extendr]
fn rust_effect_absence(evidence: Robj) -> Outcome<Vec<f64>> {
    arguments!(evidence);
    Ok(absences(&evidence)?.0)
}

// For each of `sets`, what it says of the conditions. `effects` are those that are in; `control`:
// `list(variables, conditions)`, how many there are.
#[extendr]
fn rust_set_errors(
    effects: Robj,
    sets: Robj,
    evidence: Robj,
    prior: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(effects, sets, evidence, prior, control);
    let (p, r) = control.read(|c| Ok((c.count("variables")?, c.count("conditions")?)))?;
    let prior = prior.read(|f| Mixture::read(f, r))?.weighted()?;
    let (absence, live) = absences(&evidence)?;
    let absence: Vec<f64> = absence.into_iter().zip(live).filter(|a| a.1).map(|a| a.0).collect();
    let all = effects.items()?;
    if all.len() != absence.len() {
        return effects.wrong(format!("a list of {}, one for each effect", absence.len()));
    }
    let size = (r, prior.len());
    let beliefs = all
        .iter()
        .zip(&absence)
        .map(|((_, field), a)| belief(field, *a, p, size))
        .collect::<Outcome<Vec<_>>>()?;
    let sets = sets.items()?;
    let sets = sets
        .iter()
        .map(|(_, field)| members(field, beliefs.len(), p))
        .collect::<Outcome<Vec<_>>>()?;
    let found = Run::new(&run)?.with(|monitor| set_errors(&beliefs, &sets, &prior, monitor))?;
    let list = |e: SetError| list!(set = e.set, signal = e.signal, given = e.given, sign = e.sign);
    Ok(List::from_values(found.into_iter().map(list).collect::<Vec<List>>()))
}

// For each pair of conditions, the probability that an effect is at one of some variables and alike
// in both, and that probability for an effect of the prior. `places`: what near() takes, with the
// `probability` of the variables and the `unit` of the effects there.
#[extendr]
fn rust_set_sharing(places: Robj, prior: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(places, prior, control);
    let (r, factor) = control.read(|c| Ok((c.count("conditions")?, c.number("factor")?)))?;
    let prior = prior.read(|f| Mixture::read(f, r))?.weighted()?;
    let places = places.read(|l| {
        let probability = l.get("probability")?.numbers()?;
        let unit = l.get("unit")?.matrix_of(probability.len(), r)?.values;
        Ok(Places { near: near(l, probability.len(), (r, prior.len()))?, probability, unit })
    })?;
    let n = places.probability.len();
    let first: Vec<f64> = (0..r).map(|c| places.unit[c * n]).collect();
    let (posterior, before) = Run::new(&run)?.with(|monitor| {
        Ok((sharing(&places, &prior, factor, monitor)?, prior_sharing(&prior, &first, factor)))
    })?;
    Ok(list!(posterior = posterior, prior = before))
}

extendr_module! {
    mod errors;
    fn rust_effect_absence;
    fn rust_set_errors;
    fn rust_set_sharing;
}
