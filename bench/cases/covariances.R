# Prior covariances: extreme deconvolution, its closed-form steps, and matrix factorisation.

ed_problem <- function(J, R, K, model = "EE") {
  w <- ed_workload(J, R, K)
  if (model == "common") w$Shat[] <- 0.3
  w$data <- mash_set_data(w$Bhat, w$Shat, V = w$V)
  names(w$start) <- paste0("U", seq_len(K))
  w
}
covariances_apart <- \(a, b) max(mapply(relative, a, b))

# As many steps as told, from the same start: equal answers, so that times are those of a step.
add_ed <- function(name, model, J, steps, algorithm = "bovy") {
  add_case(
    name, sprintf("%d units, 44 conditions, 10 matrices, %s, %d steps", J, model, steps),
    data = \() ed_problem(J, 44, 10, model),
    ours = \(d) cov_ed(
      d$data, d$start, algorithm = algorithm, tol = -Inf, maxiter = steps, ridge = "mashr"
    ),
    value = unclass, package = "mashr",
    peer = function(d) {
      data <- mashr::mash_set_data(d$Bhat, d$Shat, V = d$V)
      mashr::cov_ed(data, d$start, algorithm = algorithm, tol = 1e-300, maxiter = steps)
    },
    check = \(fit, theirs, d) c(
      list(expect(
        "fall of the log-likelihood in a step, relative",
        max(-diff(attr(fit, "trace"))) / abs(attr(fit, "trace")[1]), 1e-12
      )),
      if (!is.null(theirs)) {
        list(expect("covariances, relative", covariances_apart(fit, theirs), 1e-6))
      }
    )
  )
}
add_ed("ed-EE", "EE", 1000, 5)
add_ed("ed-common", "common", 1000, 5)

udr_fit <- function(d, V, update, steps) {
  start <- udr::ud_init(
    d$Bhat, V = V, n_rank1 = 0, U_scaled = NULL, U_unconstrained = d$start,
    control = list(maxiter = 0)
  )
  udr::ud_fit(start, control = list(
    unconstrained.update = update, weights.update = "em", resid.update = "none", version = "Rcpp",
    maxiter = steps, tol = 0, tol.lik = 0, lambda = 0
  ), verbose = FALSE)
}
add_ud <- function(name, model, update, J, steps) {
  add_case(
    name, sprintf("%d units, 44 conditions, 10 matrices, %s, %d steps", J, model, steps),
    data = \() ed_problem(J, 44, 10, model),
    ours = \(d) ud_fit(
      d$data, Ulist = d$start, update = update, penalty = "none", warmup = 0, prune = 0, tol = 0,
      max_iter = steps, seed = 1
    ),
    value = \(fit) list(fit$U, fit$w), package = "udr",
    peer = function(d) {
      V <- if (model == "common") {
        0.09 * d$V
      } else {
        lapply(seq_len(nrow(d$Bhat)), \(j) d$V * tcrossprod(d$Shat[j, ]))
      }
      udr_fit(d, V, update, steps)
    },
    keep = \(fit) list(U = lapply(fit$U, `[[`, "mat"), w = fit$w),
    check = \(fit, theirs, d) c(
      list(expect("fall of the log-likelihood, relative",
                  max(-diff(fit$loglik)) / abs(fit$loglik[1]), 1e-12)),
      if (!is.null(theirs)) list(
        expect("covariances, relative", covariances_apart(fit$U, theirs$U), 1e-5),
        expect("weights", apart(fit$w, theirs$w), 1e-5)
      )
    )
  )
}
add_ud("ud-ted", "common", "ted", 2000, 10)
add_ud("ud-ed", "common", "ed", 2000, 10)
add_ud("ud-ed-EE", "EE", "ed", 200, 3)

# Another optimum is allowed if its bound is higher.
add_case(
  "flash", "1000 units, 20 conditions", \() {
    w <- mash_workload(1000, 20, "EZ")
    list(w = w, data = mash_set_data(w$Bhat, w$Shat, alpha = 1, V = w$V))
  },
  ours = \(d) cov_flash(d$data),
  value = \(fit) list(unclass(fit), attr(fit, "fit")$elbo), package = "flashier",
  peer = function(d) {
    z <- d$w$Bhat / d$w$Shat
    flashier::flash(
      z, var_type = 2, ebnm_fn = ebnm::ebnm_point_normal, backfit = TRUE, verbose = 0
    )
  },
  keep = \(fit) list(elbo = fit$elbo, fitted = stats::fitted(fit)),
  check = \(fit, theirs, d) if (!is.null(theirs)) list(expect(
    "bound below its own, relative", (theirs$elbo - attr(fit, "fit")$elbo) / abs(theirs$elbo), 1e-5
  ))
)

# The chain: residual correlation, principal components, extreme deconvolution on the strong units,
# the fit on random ones, posteriors of the strong ones. The deconvolution stops by the gain per
# unit, the peer's a step later; the ridge is the peer's.
pipeline_problem <- function() {
  w <- mash_workload(6000, 8, "EE")
  strength <- apply(abs(w$Bhat / w$Shat), 1, max)
  rows <- list(strong = order(-strength)[1:500], random = 1:4000, null = which(strength < 2))
  start <- workload_covariances(w, full = FALSE)
  parts <- lapply(rows, \(i) list(Bhat = w$Bhat[i, ], Shat = w$Shat[i, ]))
  file <- tempfile(fileext = ".rds")
  saveRDS(start, file)
  list(parts = parts, start = start, file = file)
}
add_case(
  "pipeline", "500 strong, 4000 random units, 8 conditions, 19 matrices", pipeline_problem,
  ours = function(d) {
    input <- list()
    for (set in names(d$parts)) {
      input[[paste0(set, ".b")]] <- d$parts[[set]]$Bhat
      input[[paste0(set, ".s")]] <- d$parts[[set]]$Shat
    }
    prior <- mixture_prior(
      input, effect_model = "EE", V = "simple", component_files = d$file, ed_tol = 1e-3,
      ridge = "mashr", verbose = FALSE
    )
    list(prior = prior, fit = mash_fit(input, prior, verbose = FALSE))
  },
  value = \(x) list(x$prior$U, x$prior$w, x$fit$loglik, x$fit$posterior),
  package = "mashr",
  peer = function(d) {
    p <- d$parts
    z <- mashr::mash_set_data(p$null$Bhat, p$null$Shat)
    V <- mashr::estimate_null_correlation_simple(z)
    data <- lapply(p, \(x) mashr::mash_set_data(x$Bhat, x$Shat, V = V))
    deconvolved <- mashr::cov_ed(data$strong, d$start, tol = 1e-3)
    fit <- mashr::mash(
      data$random, c(d$start, deconvolved), outputlevel = 1, verbose = FALSE
    )
    posterior <- mashr::mash_compute_posterior_matrices(fit, data$strong)
    list(V = V, loglik = fit$loglik, posterior = summaries(posterior))
  },
  check = \(fit, theirs, d) if (!is.null(theirs)) list(
    expect("residual correlations", apart(fit$prior$V, theirs$V), 1e-10),
    expect("log-likelihood below its own, per unit",
           (theirs$loglik - fit$fit$loglik) / nrow(d$parts$random$Bhat), 1e-3),
    expect("posterior means, mean difference",
           mean(abs(fit$fit$posterior$PosteriorMean - theirs$posterior$PosteriorMean)), 1e-3)
  )
)
