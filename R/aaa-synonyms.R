# One word for one thing, and what other packages (and earlier scripts) call it. A function takes
# any word of a row for its own argument of that row: take_dots() looks here, and nowhere else.
synonyms <- list(
  max_iter = c("maxiter", "max.iter", "numiter", "niter", "iterlim"),
  V = c("vhat", "residual_variance"),
  n = "N",
  n_threads = c("nthreads", "nthread", "n_thread", "threads", "numThreads", "ncores"),
  Bhat = c("bhat", "betahat"),
  Shat = c("shat", "sebetahat"),
  covariates = c("Z", "newz", "C"),
  newdata = c("newx", "newX", "Xnew"),
  LD = c("R", "ld"),
  B_init = "mu1_init",
  beta_init = "beta.init",
  update_pi = "update.pi",
  update_sigma2 = "update.sigma2",
  order = "ca_update_order",
  LD_shrink = "R_shrink",
  check_LD = "check_R",
  Z = c("z", "zscores"),
  covY = c("cov_Y", "var_y", "vary", "varY"),
  gridmult = "mult",
  output_level = "outputlevel",
  output_posterior_cov = "posterior_cov",
  n_samples = c("posterior_samples", "nsamples"),
  n_subset = "max_rows",
  threshold = c("thresh", "lfsr_thresh"),
  conditions = "Vnames"
)

# Words that mean an argument of one function only.
own_synonyms <- list(
  finemap = c(prior_variance = "prior", s_init = "start", model_init = "start"),
  mr_mash = c(
    update_w0_method = "w0_method", update_V_method = "residual", update_w0_tol = "tol_w0"
  )
)
