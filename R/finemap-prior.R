# The prior of a fine-mapping fit: of the conditions of the data, on the scale of the fit.

# list(U, w, effect_model, numeric, lfsr_map): without the null, in the order of the data's
# conditions. `effect_model` is the user's word for the units, or NULL.
finemap_prior <- function(prior, data, scale, effect_model) {
  if (!is.null(effect_model)) effect_model <- match_choice(effect_model, c("EZ", "EE"))
  numeric <- is.numeric(prior) && is.null(dim(prior))
  if (numeric && data$R > 1L) {
    stop_mnmash(
      "type", "`prior` must be covariances of the effects in ", data$R, " conditions (see ",
      "as_prior()): numbers are a prior for one condition"
    )
  }
  if (numeric) {
    prior <- list(U = lapply(prior, matrix), w = rep(1 / length(prior), length(prior)))
  } else if (is.matrix(prior)) {
    prior <- list(U = list(prior), w = 1)
  }
  prior <- if (inherits(prior, "mash")) {
    prior_of(prior, scales = if (scale == "fixed") "expand" else "collapse")
  } else {
    prior_of(prior)
  }
  # Its units are seen to when its scale is (see scale_prior).
  prior <- prior_for(prior, data$conditions, data$R)
  total <- sum(prior$w)
  if (!length(prior$U) || total <= 0) {
    stop_mnmash("value", "`prior` has no matrix that is not zero, in the conditions of the data")
  }
  said <- prior$effect_model
  if (!is.null(said) && !is.null(effect_model) && said != effect_model) {
    stop_mnmash(
      "units", "`effect_model` is \"", effect_model, "\", but `prior` is of ",
      if (said == "EE") "effects" else "z-scores", " (\"", said, "\"): leave `effect_model` out"
    )
  }
  w <- prior$w / total
  keep <- w > 1e-10
  word <- if (is.null(effect_model)) said else effect_model
  list(
    U = prior$U[keep], w = w[keep] / sum(w[keep]),
    effect_model = if (is.null(word)) "EZ" else word, numeric = numeric,
    lfsr_map = map_of_prior(prior), by_user = !is.null(effect_model)
  )
}

# What brings prior covariances, of z-scores or of effects, to the scale of the fit: R numbers,
# which multiply them on both sides.
prior_size <- function(prior, data, problem, settings) {
  sigma <- if (!is.null(settings$compat)) {
    compat_scale(prior, problem, settings)
  } else if (prior$effect_model == "EZ") {
    problem$z_unit
  } else {
    check_effect_units(prior, data, problem, settings$scale)
    problem$unit
  }
  unname(rep_len(sigma, data$R))
}

# The prior of one effect as the core takes it, on the scale of the fit.
effect_prior <- function(prior) {
  U <- lapply(prior$U, \(U) unname(U * tcrossprod(prior$size)))
  core_prior(U, grid = 1, weights = prior$w)
}

# mvsusieR: numbers are in units of the residual variance; matrices in those of z-scores if
# variables are standardised, relative to the largest where scales are estimated, else as they are.
compat_scale <- function(prior, problem, settings) {
  if (prior$by_user) {
    stop_mnmash(
      "argument", "`effect_model` has no use with `compat` = \"mvsusieR\", whose priors are in ",
      "units of their own: see ?finemap"
    )
  }
  if (prior$numeric) return(sqrt(problem$V[1L, 1L]))
  by <- problem$sd / sqrt(problem$n)
  if (!settings$standardize) 1 else if (settings$scale != "fixed") by / max(by) else by
}

# Whether effects in the units of the outcomes can be put on the scale of the fit. With estimated
# scales only proportions between conditions need to be known.
check_effect_units <- function(prior, data, problem, scale) {
  known <- problem$unit_known == "yes" ||
    (scale != "fixed" && (problem$unit_known == "relative" || data$R == 1L))
  # Of z-scores without more, the user may say that effects are in standard deviations.
  if (known || (problem$unit_known == "no" && prior$by_user)) return(invisible())
  stop_mnmash(
    "units", "`prior` is of effects, but ",
    if (problem$unit_known == "no") as_typed("Z") else as_typed("Shat"),
    " does not tell the ", if (problem$unit_known == "no") "units" else "size",
    " of the outcomes: ", if (problem$unit_known == "no") {
      paste0(
        "give `Bhat` and `Shat` to finemap_sumstats(), or `effect_model = \"EE\"` if the effects ",
        "are in standard deviations of the outcomes"
      )
    } else {
      "let scales be estimated (`scale = \"optim\"`), or learn the prior from z-scores"
    }
  )
}
