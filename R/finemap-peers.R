# Arguments of packages susieR and mvsusieR that have no counterpart.

finemap_peers <- list(
  verbose = peer_verbose, verbosity = peer_verbose,
  scaled_prior_variance = refused("give `prior`, in the units of `effect_model`"),
  estimate_residual_method = refused("see `estimate_V`"),
  estimate_prior_variance = only(TRUE, "`scale = \"fixed\"` holds the scales of effects"),
  estimate_prior_method = refused("use `scale`"),
  check_null_threshold = refused("use `min_log_bf`"),
  null_weight = refused("how many variables have effects is for the fit to say"),
  prior_tol = changes_nothing("effects without evidence are left out by `min_log_bf`"),
  approximate = only(FALSE, "missing values are integrated out exactly"),
  compute_objective = only(TRUE, "the bound is always computed"),
  compute_univariate_zscore = only(FALSE, "see univariate_sumstats()"),
  precompute_covariances = changes_nothing("what is worth it is computed once"),
  n_purity = changes_nothing("the purity of a set is that of its most probable variables"),
  track_fit = only(FALSE, "the bound of every sweep is in `elbo`")
)

sumstats_peers <- list(
  var_y = changes_nothing("effects are in the units of `Bhat`, which `Shat` and `n` tell"),
  z_ld_weight = only(0, "`LD` is used as it is; see qc_sumstats()")
)
