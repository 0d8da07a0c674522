//! Log-likelihoods of all units under all components.

use extendr_api::prelude::*;
use faer::MatMut;
use mnmash_core::normal_means::Likelihood;

use crate::boundary::{Run, arguments};
use crate::nouns::{Measurements, Mixture};
use crate::read::Outcome;

// A J x P matrix: log N(x_j; 0, S_j V_j S_j + w_l^2 U_k) over the observed cells of row j.
#[extendr]
fn rust_loglik(measurements: Robj, prior: Robj, run: Robj) -> Outcome<RMatrix<f64>> {
    arguments!(measurements, prior);
    let data = measurements.read(Measurements::read)?;
    let prior = prior.read(|p| Mixture::read(p, data.conditions))?.prior;
    let mut out = RMatrix::<f64>::new(data.units, prior.len());
    let (units, values) = (data.units, out.data_mut());
    Run::new(&run)?.with(|monitor| {
        let out = MatMut::from_column_major_slice_mut(values, units, prior.len());
        Likelihood::new(&data.means()?, &prior)?.all(out, monitor)
    })?;
    Ok(out)
}

extendr_module! {
    mod likelihood;
    fn rust_loglik;
}
