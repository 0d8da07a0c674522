# The model of a multivariate regression: settings, prior and residual covariance, checked, in the
# form that the core takes.

# mr.mash writes "EM".
any_case <- function(x, name) {
  match_choice(if (is.character(x)) tolower(x) else x, c("convex", "em"), name = name)
}

mash_table <- list(
  residual = list(
    "full", one_of(c("full", "diagonal", "lowrank", "factor", "identity", "known"))
  ),
  rank = list(NULL, as_given), update_w0 = list(TRUE, check_flag),
  update_V = list(TRUE, check_flag), w0_method = list("convex", any_case),
  w0_penalty = list(1, as_given), w0_threshold = list(0, at_least(0, 1)),
  covariance = list("diagonal", one_of(c("diagonal", "none", "full"))),
  plugin = list(FALSE, check_flag), tol = list(1e-6, at_least(0)),
  tol_w0 = list(1e-3, at_least(0)), max_iter = list(1000, check_count),
  e = list(0, at_least(0)), w1 = list(FALSE, check_flag),
  n_threads = list(NULL, \(x, name) resolve_threads(x))
)

# Arguments of package mr.mash.alpha that have no counterpart.
mash_peers <- list(
  verbose = peer_verbose, version = changes_nothing("there is one implementation"),
  compute_ELBO = changes_nothing("the bound is always computed"),
  convergence_criterion = only(
    "ELBO", "a sweep must raise the bound by little (`tol`), and weights must be at their optimum"
  )
)

mash_settings <- function(given = list()) checked_settings(given, mash_table)

# All that does not depend on the kind of data. `mixture` is list(S0, w0) of regression_prior().
regression_problem <- function(mixture, V, conditions, R, settings) {
  S0 <- mixture$S0
  if (settings$e > 0) S0 <- lapply(S0, \(U) U + diag(settings$e, R))
  groups <- group_multiples(S0)
  penalty <- component_penalty(settings$w0_penalty, names(S0), mixture$named)
  list(
    conditions = conditions, S0 = S0, w0 = mixture$w0, groups = groups,
    prior = grouped_prior(groups, mixture$w0), penalty = penalty,
    residual = residual_structure(V, R, settings),
    update = if (settings$update_w0) settings$w0_method else "fixed",
    control = list(
      threshold = settings$w0_threshold, tol = settings$tol, tol_weights = settings$tol_w0,
      max_iter = settings$max_iter
    )
  )
}

# As the core takes it.
residual_structure <- function(V, R, settings) {
  residual <- settings$residual
  rank <- settings$rank
  plugin <- settings$plugin
  if (residual == "identity") {
    if (!is.null(V)) {
      stop_mnmash(
        "argument", "`residual = \"identity\"` leaves no use for ", as_typed("V")
      )
    }
    return(core_noise("known", diag(R)))
  }
  if (residual == "known" && is.null(V)) {
    stop_mnmash("argument", "`residual = \"known\"` needs the residual covariance ", as_typed("V"))
  }
  if (plugin && residual != "lowrank") {
    stop_mnmash("argument", "`plugin` is for `residual = \"lowrank\"`")
  }
  if (residual %in% c("lowrank", "factor")) {
    if (is.null(rank)) stop_mnmash("argument", "`residual = \"", residual, "\"` needs `rank`")
    rank <- check_count(rank)
    if (rank >= R) {
      stop_mnmash("argument", "`rank` must be less than the number of responses, ", R)
    }
  } else if (!is.null(rank)) {
    stop_mnmash("argument", "`rank` is for `residual = \"lowrank\"` and \"factor\"")
  }
  if (plugin) {
    warn_mnmash(
      "biased", "`plugin = TRUE` ignores the uncertainty of the coefficients: residual variances ",
      "are underestimated, and the bound may fall"
    )
  }
  structure <- if (plugin) "plugin" else residual
  if (!settings$update_V) {
    structure <- "known"
    if (residual == "diagonal" && !is.null(V)) V <- diag(diag(V), R)
  }
  core_noise(structure, V, rank)
}

# `full`: the residual covariance starts at one without structure, from the responses.
response_matrix <- function(Y, full = FALSE, intercept = TRUE) {
  known <- colSums(!is.na(Y))
  if (any(known < 2L)) {
    stop_mnmash("missing", "`Y` must have at least two values in ",
                describe_index("column", which(known < 2L)[1L], colnames(Y)))
  }
  constant <- which(apply(Y, 2L, \(y) all(y == y[!is.na(y)][1L], na.rm = TRUE)))
  if (length(constant)) {
    stop_mnmash("value", "`Y` must vary: ", describe_index("column", constant[1L], colnames(Y)),
                " is constant", and_more(length(constant)), "; leave it out")
  }
  if (full) {
    check_full_rank(
      Y, "Y", "response", "give `V`, or set `residual` to \"diagonal\" or \"lowrank\"", intercept
    )
  }
  Y[is.na(Y)] <- NaN
  Y
}

# The fit, from predictors of either form and responses or products to match.
core_mr_mash <- function(design, responses, start, order, standardize, problem, settings) {
  call_core(
    "mr_mash",
    predictors = design, responses = responses, prior = problem$prior, noise = problem$residual,
    start = start,
    control = c(problem$control, list(
      update = problem$update, order = order, standardize = standardize,
      penalty = problem$penalty[problem$groups$index], slack = settings$slack
    )),
    label = "mr_mash", total = settings$max_iter * length(order), n_threads = settings$n_threads
  )
}

# The predictors in the order of updates.
update_order <- function(order, design, Y, standardize, problem, settings) {
  p <- ncol(design$x) %||% (length(design$x$starts) - 1L)
  if (is.numeric(order)) {
    if (!identical(as.integer(sort(order)), seq_len(p))) {
      stop_mnmash("argument", as_typed("order"), " must be a permutation of 1, ..., ", p)
    }
    return(as.integer(order))
  }
  choices <- c("consecutive", "decreasing_logBF", "increasing_logBF", "random")
  order <- match_choice(order, choices)
  if (order == "consecutive") return(seq_len(p))
  if (order == "random") return(sample.int(p))
  log_bf <- call_core(
    "mr_mash_log_bf",
    predictors = design, responses = core_responses(Y), prior = problem$prior,
    noise = problem$residual,
    control = list(standardize = standardize), n_threads = settings$n_threads
  )
  base::order(log_bf, decreasing = order == "decreasing_logBF")
}

colnames_or_numbers <- function(Y) {
  if (is.null(colnames(Y))) as.character(seq_len(ncol(Y))) else colnames(Y)
}
