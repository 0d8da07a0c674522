# The normal means model: complete fits, and their parts at a given prior.

# What the fit maximises: the log-likelihood and the default penalty (10 - 1 times the log weight of
# the null). The log-likelihood alone may be larger at a worse fit.
penalised <- function(loglik, g) loglik + 9 * log(g$pi[[1L]])

summaries <- function(result) result[c("PosteriorMean", "PosteriorSD", "lfsr", "NegativeProb")]
posteriors_apart <- function(a, b) max(mapply(apart, summaries(a), summaries(b)))

add_fit <- function(name, J, R, model, compare = TRUE) {
  add_case(
    name, sprintf("%d units, %d conditions, %s", J, R, model),
    data = function() {
      w <- mash_workload(J, R, model)
      list(
        data = mash_set_data(w$Bhat, w$Shat, alpha = w$alpha, V = w$V), w = w,
        Ulist = workload_covariances(w)
      )
    },
    ours = \(d) mash(d$data, d$Ulist, verbose = FALSE),
    package = if (compare) "mashr",
    peer = function(d) {
      data <- mashr::mash_set_data(d$w$Bhat, d$w$Shat, alpha = d$w$alpha, V = d$w$V)
      mashr::mash(data, d$Ulist, outputlevel = 2, verbose = FALSE)
    },
    keep = \(fit) list(loglik = fit$loglik, g = fit$fitted_g, result = summaries(fit$result)),
    value = \(fit) list(fit$loglik, fit$fitted_g$pi, fit$result),
    check = function(fit, theirs, d) {
      own <- list(expect("optimality conditions", fit$convergence$kkt, 1e-8))
      if (is.null(theirs)) {
        return(own)
      }
      same <- mash(d$data, g = theirs$g, fixg = TRUE, verbose = FALSE)
      c(own, list(
        expect("log-likelihood at its prior, relative", abs(same$loglik / theirs$loglik - 1), 1e-9),
        expect("posteriors at its prior", posteriors_apart(same$result, theirs$result), 1e-6),
        expect(
          "penalised log-likelihood below its own",
          penalised(theirs$loglik, theirs$g) - penalised(fit$loglik, fit$fitted_g), 1e-6
        )
      ))
    }
  )
}

add_fit("mash-EE-5", 2000, 5, "EE")
add_fit("mash-EZ-5", 2000, 5, "EZ")
add_fit("mash-EE-20", 5000, 20, "EE")
add_fit("mash-EZ-44", 2000, 44, "EZ")
add_fit("mash-EE-44", 2000, 44, "EE")
add_fit("mash-EE-44-large", 20000, 44, "EE", compare = FALSE)

# All components at equal weights, so that none is left out.
given_prior <- function(J, R, model, scales = 12L) {
  w <- mash_workload(J, R, model)
  Ulist <- workload_covariances(w)
  Ulist <- Ulist[unique(round(seq(1, length(Ulist), length.out = 20)))]
  P <- 1L + scales * length(Ulist)
  g <- list(
    pi = rep(1 / P, P), Ulist = Ulist, grid = 0.05 * 1.5^seq_len(scales), usepointmass = TRUE
  )
  list(data = mash_set_data(w$Bhat, w$Shat, V = w$V), w = w, g = g)
}
peer_data <- \(d) mashr::mash_set_data(d$w$Bhat, d$w$Shat, V = d$w$V)

for (kind in list(list("EE", 5, 4000), list("EE", 44, 500), list("common", 44, 5000))) {
  local({
    model <- kind[[1L]]
    R <- kind[[2L]]
    J <- kind[[3L]]
    size <- sprintf("%d units, %d conditions, 241 components, %s", J, R, model)
    data <- \() given_prior(J, R, model)
    add_case(
      paste0("likelihood-", model, "-", R), size, data,
      ours = \(d) mash_compute_vloglik(d$g, d$data), value = identity,
      package = "mashr", peer = \(d) mashr::mash_compute_vloglik(d$g, peer_data(d)),
      check = \(fit, theirs, d) if (!is.null(theirs)) {
        list(expect("log-likelihood of each unit, relative", relative(fit, theirs), 1e-9))
      }
    )
    add_case(
      paste0("posterior-", model, "-", R), size, data,
      ours = \(d) mash_compute_posterior_matrices(d$g, d$data), value = identity,
      package = "mashr", peer = \(d) mashr::mash_compute_posterior_matrices(d$g, peer_data(d)),
      keep = summaries,
      check = \(fit, theirs, d) if (!is.null(theirs)) {
        list(expect("means, deviations, signs", posteriors_apart(fit, theirs), 1e-6))
      }
    )
  })
}

# Log-likelihoods of a mash model in five conditions, 20 matrices and 20 scales, and the null.
weights_problem <- function(n = 20000L) {
  w <- mash_workload(n, 5, "EE")
  Ulist <- workload_covariances(w)[seq_len(20L)]
  L <- lapply(0.1 * sqrt(2)^(0:19), function(scale) {
    vapply(Ulist, function(U) {
      Q <- chol(diag(5) + scale^2 * U / max(diag(U)))
      -0.5 * rowSums((w$Bhat / w$Shat) %*% solve(Q) * ((w$Bhat / w$Shat) %*% solve(Q))) -
        sum(log(diag(Q)))
    }, numeric(n))
  })
  cbind(-0.5 * rowSums((w$Bhat / w$Shat)^2), do.call(cbind, L))
}
add_case(
  "weights", "20000 x 401 likelihoods, no penalty", weights_problem,
  ours = \(d) mixture_weights(d, prior = "uniform"), value = \(fit) fit$pi,
  package = "mixsqp",
  peer = \(d) mixsqp::mixsqp(d, log = TRUE, control = list(verbose = FALSE)), keep = \(fit) fit$x,
  check = function(fit, theirs, d) {
    L <- exp(d - apply(d, 1, max))
    objective <- \(pi) sum(log(L %*% pi))
    gradient <- crossprod(L, 1 / (L %*% fit$pi)) / nrow(L)
    c(
      list(expect("optimality conditions, all columns", max(gradient) - 1, 1e-8)),
      if (!is.null(theirs)) {
        list(expect("log-likelihood below its own", objective(theirs) - objective(fit$pi), 1e-6))
      }
    )
  }
)

# Chunks of rows at a prior that was fitted before; ours counts as a user's sink would.
stream_problem <- function(rows = 2e5, size = 2e4) {
  w <- mash_workload(size, 5, "common")
  data <- mash_set_data(w$Bhat, w$Shat, V = w$V)
  g <- mash(data, workload_covariances(w)[1:12], outputlevel = 1, verbose = FALSE)$fitted_g
  # A chunk per call: what is timed is the work per row, not the reading.
  list(g = g, w = w, data = data, chunks = rows / size)
}
add_case(
  "stream", "200,000 rows by 20,000, 5 conditions, common errors", stream_problem,
  ours = function(d) {
    found <- 0
    last <- NULL
    mash_stream(d$g, \(i) d$w[c("Bhat", "Shat")], d$chunks, \(i, posterior) {
      found <<- found + sum(posterior$lfsr < 0.05)
      last <<- posterior
    }, V = d$w$V)
    list(found = found, last = last)
  },
  value = identity, package = "mashr",
  peer = function(d) {
    found <- 0
    for (i in seq_len(d$chunks)) {
      last <- mashr::mash_compute_posterior_matrices(d$g, peer_data(d))
      found <- found + sum(last$lfsr < 0.05)
    }
    list(found = found, last = summaries(last))
  },
  check = \(fit, theirs, d) c(
    list(expect(
      "a chunk alone",
      apart(fit$last$lfsr, mash_compute_posterior_matrices(d$g, d$data)$lfsr), 1e-12
    )),
    if (!is.null(theirs)) list(
      expect("posteriors of a chunk", posteriors_apart(fit$last, theirs$last), 1e-6),
      expect("significant effects found, relative", abs(fit$found / theirs$found - 1), 1e-4)
    )
  )
)
