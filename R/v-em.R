# Residual correlation V and prior weights together, by expectation maximisation.
#
# Errors on the z scale: e_j = (x_j - b_j) / s_j ~ N(0, V). The update is V = sum_j E[e_j e_j'] / J;
# then the weights are refitted. Neither the penalty of the weights nor the scaling to a correlation
# matrix is part of what this maximises, so the log-likelihood might fall: then the step from the
# old V is halved until it rises.

#' Residual correlation by expectation maximisation
#'
#' Estimates the residual correlation `V` together with the prior weights, from all units: those
#' with effects contribute what is left of them after their posterior effects. Slower than
#' [estimate_null_correlation_simple()], but without a cut on the z-scores and the bias that comes
#' of it.
#'
#' Each iteration fits the weights of the prior with the current `V`, and replaces `V` by the mean
#' posterior second moment of the errors `(Bhat - b) / Shat`. The posterior covariances are
#' accumulated over blocks of units, never held for all. The log-likelihood never falls from one
#' iteration to the next: a step that would lower it is halved, up to five times. It ends when no
#' such step is left, or when the log-likelihood rises by at most `tol`; the default, 1, is that of
#' mashr and coarse: use 0.01 to come close to the maximum. Where covariances in `Ulist` can imitate
#' correlated errors, the two are hard to tell apart and convergence is slow. Where the next `V`
#' would be singular (its correlations have an eigenvalue below 1e-6), because two conditions have
#' the same z-scores or there are fewer units than conditions, the last one is returned, with a
#' warning that says why.
#'
#' Missing cells are handled exactly, with data made by `missing = "exact"`: the expected errors of
#' observed cells come from the posterior given the observed cells, and the errors of missing cells
#' from their regression on them under the current `V`, with its residual variance. Pairs of
#' conditions that are rarely observed together are therefore estimated from the units that have
#' both, without attenuation.
#'
#' @param data data from [mash_set_data()]; its `V` is not used. Not contrasts.
#' @param Ulist prior covariance matrices, as in [mash()].
#' @param init where to start: an R x R positive definite matrix, matched to the conditions by name.
#'   Default: [estimate_null_correlation_simple()], or (with a warning) the identity matrix where
#'   that fails; correlations that do not fit together are made to, with a message.
#' @param max_iter most updates of `V`; 0 fits the weights with `init`.
#' @param tol stop when the log-likelihood rises by no more than this (natural logarithm, all units
#'   together).
#' @param est_cor make `V` a correlation matrix (`TRUE`), or leave it a covariance matrix of errors
#'   in units of their standard errors.
#' @param track_fit add `trace`, the estimates before each update.
#' @param prior penalty of the weights, as in [mash()].
#' @param details return all of the list below (`TRUE`), or only `V`.
#' @param ... further arguments of [mash()]: `grid`, `gridmult`, `usepointmass`, `normalizeU`,
#'   `nullweight`, `optmethod`, `control`, `pi_thresh`, `output_lfdr`, `outputlevel`, `n_threads`.
#'
#' @return A list of `V`; `mash.model`, the fit of [mash()] with this `V` (at `outputlevel` 2: with
#'   posteriors, but without their covariances); `loglik`, the log-likelihood at the start and after
#'   each update; `niter`, the number of updates; `converged`, and `message`, which says how it
#'   ended; `convergence` (as in [mash()]); and `trace` with `track_fit`. With `details = FALSE`
#'   only `V`, R x R, for [mash_update_data()].
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 25, ncond = 3, err_sd = 1)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' em <- mash_estimate_corr_em(data, cov_canonical(data))
#' round(em$V, 2)
#' em$message
mash_estimate_corr_em <- function(data, Ulist, init, max_iter = 30, tol = 1, est_cor = TRUE,
                                  track_fit = FALSE, prior = c("nullbiased", "uniform"),
                                  details = TRUE, ...) {
  check_given()
  check_mash_data(data)
  if (!is.null(data$L)) {
    stop_mnmash(
      "argument", as_typed("data"), " are contrasts: estimate ", as_typed("V"),
      " from the conditions themselves"
    )
  }
  refuse_constant(observed_z(data), "data")
  tell_equal_conditions(data$Bhat / data$Shat)
  max_iter <- check_count(max_iter, 0)
  tol <- check_number(tol, 0)
  check_flag(est_cor)
  check_flag(track_fit)
  check_flag(details)
  prior <- match_choice(prior, c("nullbiased", "uniform"))
  options <- corr_em_options(list(...))
  V <- if (missing(init)) {
    initial_correlation(data, est_cor)
  } else {
    check_covariance(init, ncol(data$Bhat), conditions = colnames(data$Bhat))
  }
  # Moments of errors are known under normals.
  if (inherits(Ulist, "mnmash_prior")) Ulist <- normals_only(Ulist, "Ulist")
  now <- fit_with_correlation(data, V, prior, options, Ulist = Ulist)
  loglik <- now$model$loglik
  trace <- list()
  ended <- list("iterations", paste("stopped after `max_iter` =", max_iter))
  niter <- 0
  while (niter < max_iter) {
    if (track_fit) trace <- c(trace, list(list(V = now$V, mash.model = now$model)))
    following <- improve_correlation(data, now, est_cor, prior, options)
    if (is.null(following$model)) {
      ended <- following
      break
    }
    niter <- niter + 1
    gain <- following$model$loglik - now$model$loglik
    now <- following
    loglik <- c(loglik, now$model$loglik)
    if (gain <= tol) {
      ended <- list("converged", paste("the log-likelihood rose by at most `tol` =", tol))
      break
    }
  }
  ended <- ending_of(ended[[1L]], niter, loglik, ended[[2L]])
  if (ended$stop == "stalled") warn_mnmash("singular", ended$message)
  if (!details) return(now$V)
  model <- fit_posterior(data, now, options)
  c(
    list(V = now$V, mash.model = model, loglik = loglik, niter = niter),
    ended[c("converged", "message")], list(convergence = ended),
    if (track_fit) list(trace = trace)
  )
}

# Arguments for mash(): how to make the prior (needed once), and how to fit (each time).
corr_em_options <- function(given) {
  making <- c("grid", "gridmult", "usepointmass", "normalizeU")
  fitting <- c("nullweight", "optmethod", "control", "pi_thresh", "n_threads")
  ignored <- c("algorithm.version", "add.mem.profile", "verbose")
  bad <- setdiff(names(given), c(making, fitting, ignored, "output_lfdr", "outputlevel"))
  if ("" %in% bad || length(given) && is.null(names(given))) {
    stop_mnmash("argument", "there is an argument without a name that has no use here")
  }
  if (length(bad)) {
    stop_mnmash(
      "argument", "mash_estimate_corr_em() cannot pass `", bad[1L], "` on to mash()"
    )
  }
  list(
    making = given[names(given) %in% making], fitting = given[names(given) %in% fitting],
    lfdr = check_flag(given$output_lfdr %||% FALSE, name = "output_lfdr"),
    level = check_number(given$outputlevel %||% 2, 1, 4, name = "outputlevel")
  )
}

# Made positive definite, with a message, where it is not (conditions that are the same).
initial_correlation <- function(data, est_cor) {
  tryCatch(
    {
      V <- estimate_null_correlation_simple(data, est_cor = est_cor)
      if (first_singular(array(V, c(dim(V), 1L)))) repair_correlation(V) else V
    },
    mnmash_error = \(error) {
      warn_mnmash(
        "start", "starting from the identity matrix, as the simple estimate failed: ",
        conditionMessage(error)
      )
      diag(ncol(data$Bhat))
    }
  )
}

# The weights given V: from scratch, or from the last fit's. Without posteriors.
fit_with_correlation <- function(data, V, prior, options, Ulist = NULL, g = NULL) {
  data <- mash_update_data(data, V = V)
  how <- if (is.null(g)) c(list(Ulist = Ulist), options$making) else list(g = g)
  model <- do.call(
    mash, c(
      list(data), how, list(prior = prior, verbose = FALSE, outputlevel = 1), options$fitting
    ),
    quote = TRUE
  )
  list(V = data$V, model = model)
}

# Correlations with a smaller eigenvalue are singular: what the data say of V there has no end.
least_eigenvalue <- 1e-6

# A better V and its fit, or why there is none: list(stop, message).
improve_correlation <- function(data, now, est_cor, prior, options, halvings = 5L) {
  moment <- expected_error_moment(mash_update_data(data, V = now$V), now$model, options)
  for (share in 2^-(0:halvings)) {
    to <- call_core(
      "v_step", v = unname(now$V), moment = moment, control = list(share = share, unit = est_cor)
    )
    V <- `dimnames<-`(to$V, dimnames(now$V))
    if (to$lowest < least_eigenvalue) return(list("stalled", describe_singular(V, data)))
    following <- fit_with_correlation(data, V, prior, options, g = now$model$fitted_g)
    if (following$model$loglik > now$model$loglik) return(following)
  }
  list("converged", "no step raises the log-likelihood")
}

describe_singular <- function(V, data) {
  rownames(V) <- rownames(V) %||% colnames(data$Bhat)
  paste0(
    "stopped at the last `V` that is positive definite, as the next is singular (",
    nrow(data$Bhat), " units, ", ncol(V), " conditions", singular_pair(V, "condition"), ")"
  )
}

# sum_j E[e_j e_j'] / J
expected_error_moment <- function(data, model, options) {
  weights <- model$posterior_weights
  task <- list(
    active = names_as_numbers(weights), weights = unnamed(weights, seq_len(nrow(weights)))
  )
  core_mash(
    "error_moment", data, model$fitted_g,
    task = task, label = "Errors", n_threads = resolve_threads(options$fitting$n_threads)
  )
}

names_as_numbers <- function(weights) {
  as.integer(attr(weights, "names")[seq_len(ncol(weights))])
}

unnamed <- function(weights, rows) {
  matrix(as.double(weights[rows, , drop = FALSE]), length(rows))
}

# The last fit with its posteriors.
fit_posterior <- function(data, now, options) {
  m <- now$model
  data <- mash_update_data(data, V = now$V)
  n_threads <- resolve_threads(options$fitting$n_threads)
  if (options$level >= 2) {
    want <- list(
      pi_thresh = options$fitting$pi_thresh %||% formals(mash)$pi_thresh, moments = TRUE,
      covariance = options$level >= 3
    )
    m$result <- mash_model(data, m$fitted_g, want, n_threads)$result
    if (!options$lfdr) m$result$lfdr <- NULL
  }
  if (options$level >= 4) m$lm <- relative_likelihoods(data, m$fitted_g, n_threads)
  m
}
