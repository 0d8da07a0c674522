# Arguments of packages mr.ash.alpha and varbvs that have no counterpart.

ash_peers <- list(
  verbose = peer_verbose,
  method.q = only("sigma_dep_q", "`scaled_prior` says whether variances are multiples of `sigma2`"),
  update.order = refused("use `order`"),
  min.iter = only(1, "give `tol = 0` and `max_iter` for a number of sweeps")
)

varbvs_peers <- list(
  verbose = peer_verbose,
  weights = refused("all samples have the same residual variance"),
  resid.vcov = refused("samples have independent residuals of the same variance"),
  alpha = refused("fits start at zero, and once more at the best of these"),
  mu = refused("fits start at zero, and once more at the best of these"),
  eta = refused("the bound of each sample is always the best one"),
  optimize.eta = only(TRUE, "the bound of each sample is always the best one"),
  initialize.params = changes_nothing("fits start at zero, and once more at the best of these"),
  update.sigma = only(TRUE, "`sigma` is estimated, or held where it is given"),
  update.sa = only(TRUE, "`sa` is estimated, or held where it is given"),
  update.order = refused("use `order`"),
  z = refused("there are no z-scores here: see mr_ash_rss()"),
  zscores = refused("there are no z-scores here: see mr_ash_rss()"),
  nr = changes_nothing("`pve` is an expectation in closed form, without samples")
)

# Package varbvs starts from values that are given and updates them all the same.
check_held <- function(given, held) {
  for (word in names(held)) {
    if (isTRUE(given[[paste0("update.", word)]]) && !is.null(held[[word]])) {
      stop_mnmash(
        "argument", "`", word, "` is held where it is given: leave it out, or `update.", word, "`"
      )
    }
  }
}
