//! Families of outcomes: what noise they have.

use mnmash_core::factored::families::Family;
use mnmash_core::factored::families::beta::Beta;
use mnmash_core::factored::families::binomial::Binomial;
use mnmash_core::factored::families::dispersion::{Dispersion, Link};
use mnmash_core::factored::families::gaussian::Gaussian;
use mnmash_core::factored::families::negative_binomial::{Mean, NegativeBinomial};
use mnmash_core::factored::families::voom::Voom;

use crate::read::{Fields, Outcome};
use crate::words::{FAMILIES, FamilyName};

/// The family of n by m outcomes: `list(name, covariates, low, high, start, size, base)`.
/// `covariates` (n by q) are those of variances or dispersions, which lie between `low` and `high`
/// (m each) and begin at `start`; a field that a family has no use for is NULL.
pub fn read(list: &Fields, n: usize, m: usize) -> Outcome<Family> {
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
