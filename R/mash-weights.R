# The methods by which mash() estimates the weights of its prior. Each returns pi and convergence,
# or how the core is to find them on its way to what mash_model() returns.

fit_weights <- function(data, g, prior, optmethod, control, want, n_threads) {
  if (!is.list(control)) stop_mnmash("type", "`control` must be a list")
  fit_by <- fit_methods[[optmethod]]
  if (is.null(fit_by) || (optmethod == "mixSQP" && !requireNamespace("mixsqp", quietly = TRUE))) {
    message("`optmethod = \"", optmethod, "\"` is solved by \"convex\", to a certified optimum")
    optmethod <- "convex"
    fit_by <- fit_convex
    control <- list()
  }
  how <- fit_by(data, g, prior, control, n_threads)
  if (!is.null(how$pi)) g <- with_weights(g, unname(how$pi))
  fit <- mash_model(data, g, want, n_threads, how$in_core)
  if (!is.null(how$pi)) fit$convergence <- how$convergence
  fit$convergence$method <- optmethod
  if (!fit$convergence$converged) warn_not_converged(fit$convergence)
  fit
}

warn_not_converged <- function(convergence) {
  warn_mnmash(
    "not_converged", "the weights are not at their optimum after ", convergence$iterations,
    " iterations (", convergence$message, "): the largest violation of the optimality conditions ",
    "is ", format(convergence$kkt, digits = 3)
  )
}

# Likelihoods and weights together: the matrix of likelihoods never reaches R. Where it takes more
# than memory_limit(), the core holds only the columns that matter.
fit_convex <- function(data, g, prior, control, n_threads) {
  control <- fit_control(control, tol = 1e-8, max_iter = 1000)
  list(in_core = c(list(penalty = prior, memory = memory_limit()), control))
}

fit_em <- function(data, g, prior, control, n_threads) {
  control <- fit_control(control, tol = 1e-6, max_iter = 5000)
  loglik <- component_loglik(data, g, n_threads)
  found <- call_core(
    "mixture_weights", loglik = loglik,
    control = c(list(penalty = prior, start = NULL, row_weights = NULL, method = "em"), control),
    label = "EM", total = control$max_iter, n_threads = n_threads
  )
  list(pi = found$pi, convergence = ending(found, c("objective", "kkt")))
}

# The penalty enters as further rows: row p is 1 at component p, with weight prior_p - 1.
fit_mixsqp <- function(data, g, prior, control, n_threads) {
  loglik <- component_loglik(data, g, n_threads)
  P <- ncol(loglik)
  penalised <- which(prior != 1)
  L <- exp(loglik - loglik[cbind(seq_len(nrow(loglik)), max.col(loglik, "first"))])
  L <- rbind(L, diag(P)[penalised, , drop = FALSE])
  defaults <- list(eps = 1e-6, numiter.em = 20, verbose = FALSE)
  found <- mixsqp::mixsqp(
    L, c(rep(1, nrow(loglik)), prior[penalised] - 1), rep(1 / P, P),
    control = utils::modifyList(defaults, control)
  )
  pi <- pmax(found$x, 0) / sum(pmax(found$x, 0))
  convergence <- c(
    optimality(loglik, prior, pi),
    list(
      converged = grepl("^converged", found$status),
      stop = if (grepl("^converged", found$status)) "converged" else "iterations",
      iterations = nrow(found$progress),
      trace = NULL, # its objective has another scale
      message = found$status
    )
  )
  list(pi = pi, convergence = convergence)
}

# Objective, and the largest violation of the optimality conditions over all components: the
# gradient, per unit of total weight J + sum(prior - 1), must be 1 on the support and at most 1 off
# it.
optimality <- function(loglik, prior, pi) {
  top <- loglik[cbind(seq_len(nrow(loglik)), max.col(loglik, "first"))]
  L <- exp(loglik - top)
  mixture <- drop(L %*% pi)
  penalised <- prior > 1
  gradient <- colSums(L / mixture)
  gradient[penalised] <- gradient[penalised] + (prior[penalised] - 1) / pi[penalised]
  gradient <- gradient / (nrow(loglik) + sum(prior - 1))
  list(
    objective = sum(log(mixture) + top) + sum((prior[penalised] - 1) * log(pi[penalised])),
    kkt = max(gradient - 1, abs(gradient[pi > 0] - 1))
  )
}

fit_control <- function(control, tol, max_iter) {
  if (!is.list(control) || is.data.frame(control)) {
    stop_mnmash("type", "`control` must be a list, such as list(tol = 1e-8)")
  }
  unknown <- setdiff(names(control), c("tol", "max_iter"))
  if (length(unknown)) {
    message("`control` has no use for ", paste0("`", unknown, "`", collapse = ", "), " here")
  }
  if (is.null(control$tol)) control$tol <- tol
  if (is.null(control$max_iter)) control$max_iter <- max_iter
  list(
    tol = check_number(control$tol, 0),
    max_iter = as.integer(check_count(control$max_iter, 1, 1e9))
  )
}

# In the order of the argument `optmethod`; NULL where "convex" stands in.
fit_methods <- list(
  convex = fit_convex, mixSQP = fit_mixsqp, mixIP = NULL, mixEM = fit_em, cxxMixSquarem = NULL
)
