//! Spikes and slabs of factors, loadings and direct effects.

use mnmash_core::factored::LeftPrior;
use mnmash_core::factored::hyper::Hyper;
use mnmash_core::factored::slab::Sign;

use crate::read::{Field, Fields, Outcome};
use crate::words::{direct_priors, left_priors};

/// `list(u_prior, direct_prior, L, nonneg, left, right, direct)`.
pub struct Prior {
    pub left_prior: LeftPrior,
    pub direct_prior: LeftPrior,
    pub sign: Sign,
    pub left: Hyper,
    pub right: Hyper,
    pub direct: Hyper,
}

impl Prior {
    pub fn read(list: &Fields) -> Outcome<Self> {
        let single_effects = list.count("L")?;
        Ok(Self {
            left_prior: list.one_of("u_prior", &left_priors(single_effects))?,
            direct_prior: list.one_of("direct_prior", &direct_priors(single_effects))?,
            sign: if list.flag("nonneg")? { Sign::Positive } else { Sign::Any },
            left: hyper(&list.get("left")?)?,
            right: hyper(&list.get("right")?)?,
            direct: hyper(&list.get("direct")?)?,
        })
    }
}

/// Ranges of hyper-parameters: `list(pi, tau)`, each from and to.
fn hyper(list: &Field) -> Outcome<Hyper> {
    list.read(|h| Ok(Hyper { pi: h.get("pi")?.pair()?, tau: h.get("tau")?.pair()? }))
}
