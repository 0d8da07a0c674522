# Settings, starts and sweeps of regressions with adaptive shrinkage.

# What does not depend on the data.
ash_table <- list(
  update_pi = list(TRUE, check_flag), update_sigma2 = list(TRUE, check_flag),
  scaled_prior = list(TRUE, check_flag), method = list("convex", one_of(c("convex", "em"))),
  order = list("consecutive", as_given), standardize = list(FALSE, check_flag),
  prior = list("uniform", as_given), nullweight = list(10, as_given),
  tol = list(1e-8, at_least(0)), max_iter = list(1000, check_count),
  n_threads = list(NULL, \(x, name) resolve_threads(x))
)

# The settings from a list of them; `update` is the method for the weights, or "fixed".
ash_settings <- function(given = list()) {
  settings <- checked_settings(given, ash_table)
  settings$update <- if (settings$update_pi) settings$method else "fixed"
  settings
}

# Individual-level data in all forms that a fit wants: X, Y (n x J), the space of the covariates,
# sums of squares and products, and the design as the core takes it.
ash_problem <- function(data, intercept) {
  space <- covariate_space(data$Z$x, data$X$n, intercept)
  marginal <- marginal_products(data$X, space, data$Y)
  list(
    X = data$X, Y = data$Y, space = space, design = regression_design(data$X, space),
    marginal = c(marginal, list(samples = data$X$n, names = data$X$names))
  )
}

# The coefficients to start from as p x J, and the sums of squares of the residuals they leave.
individual_start <- function(start, problem) {
  start$b <- start_coefficients(
    start$b, problem$X$names, problem$X$p, colnames(problem$Y), ncol(problem$Y), "beta_init"
  )
  if (is.null(start$b)) return(start)
  basis <- problem$space$basis
  left <- problem$Y - predictor_values(problem$X, start$b)
  start$residual <- colSums((left - basis %*% crossprod(basis, left))^2)
  start
}

# Fits of the columns of Y (or of cross-products) on one design, from a common or default start,
# with larger variances added to default grids as long as they are wanted.
ash_fits <- function(design, Y, marginal, start, settings, rounds = 4L) {
  J <- length(marginal$total)
  n <- marginal$samples
  check_variation(marginal, design$form)
  norms <- marginal$norms
  if (settings$standardize) norms[norms > 0] <- n - 1
  variance <- if (is.null(marginal$variance)) marginal$total / n else marginal$variance
  grid <- ash_grid(start$sa2, marginal, norms, variance, settings)
  start$order <- ash_order(settings$order, marginal)
  start <- ash_start(start, grid, marginal, variance)
  done <- rep(FALSE, J)
  fits <- vector("list", J)
  for (round in seq_len(rounds)) {
    K <- vapply(grid, length, 1L)
    # Columns of one length, so fits with grids of the same length go together.
    for (size in unique(K[!done])) {
      columns <- which(!done & K == size)
      found <- core_mr_ash(design, Y, marginal, grid, start, columns, settings)
      fits[columns] <- found
    }
    if (!is.null(start$sa2) || settings$update == "fixed" || round == rounds) break
    wanted <- vapply(fits, \(f) f$pi[length(f$pi)] > 1e-3, NA)
    done <- !wanted
    if (!any(wanted)) break
    for (j in which(wanted)) {
      top <- max(grid[[j]])
      grid[[j]] <- c(grid[[j]], top * 2^(1:4))
      start$pi[[j]] <- c(0.99 * fits[[j]]$pi, rep(0.0025, 4L))
      start$sigma2[j] <- fits[[j]]$sigma2
      if (is.null(start$b)) start$b <- matrix(0, length(norms), J)
      start$b[, j] <- fits[[j]]$b
    }
  }
  fits
}

check_variation <- function(marginal, form) {
  flat <- which(!(marginal$total > 0))
  if (length(flat) && form != "products") {
    stop_mnmash(
      "value", "`y` has no variation beyond the covariates",
      if (length(marginal$total) > 1) paste0(" (column ", flat[1L], ")")
    )
  }
  if (!all(is.finite(marginal$norms)) || !all(is.finite(marginal$total))) {
    stop_mnmash("value", "the sums of squares of `X` or `y` (or what ", as_typed("Bhat"), " and ",
                as_typed("Shat"), " stand for) ",
                "are not finite: use other units")
  }
  if (!any(marginal$norms > 0)) {
    stop_mnmash("value", "`X` has no column with variation beyond the covariates")
  }
}

# Prior variances for each response.
ash_grid <- function(sa2, marginal, norms, variance, settings) {
  J <- length(variance)
  if (!is.null(sa2)) {
    sa2 <- check_grid(sa2)
    if (anyDuplicated(sa2)) stop_mnmash("value", "`sa2` must be distinct")
    return(rep(list(sa2), J))
  }
  usable <- norms > 0
  scale <- sqrt(norms[usable] / marginal$norms[usable])
  lapply(seq_len(J), \(j) {
    b <- marginal$products[usable, j] / norms[usable] * scale
    s <- sqrt(variance[j] / norms[usable])
    v <- autoselect_grid(list(Bhat = b, Shat = s))^2
    c(0, if (settings$scaled_prior) v / variance[j] else v)
  })
}

ash_order <- function(order, marginal) {
  p <- length(marginal$norms)
  if (is.numeric(order)) {
    if (length(order) != p || !setequal(order, seq_len(p))) {
      stop_mnmash("argument", as_typed("order"), " must be a permutation of 1 to ", p)
    }
    return(as.integer(order))
  }
  switch(match_choice(order, c("consecutive", "random", "marginal")),
    consecutive = seq_len(p),
    random = sample.int(p),
    marginal = order(-marginal_strength(marginal), seq_len(p))
  )
}

# The largest share of any response's variance that each predictor explains alone.
marginal_strength <- function(marginal) {
  strength <- sweep(marginal$products^2, 2L, marginal$total, "/") / marginal$norms
  strength[marginal$norms <= 0, ] <- 0
  apply(strength, 1L, max)
}

# Weights that are not given are those that the coefficients to start from suggest to the core.
ash_start <- function(start, grid, marginal, variance) {
  J <- length(grid)
  if (is.null(start$sigma2)) {
    start$sigma2 <- start_variance(start$residual, variance, marginal$samples)
  } else {
    start$sigma2 <- check_each(start$sigma2, J, .Machine$double.xmin, name = "sigma2")
  }
  given <- start$pi
  start$pi <- lapply(grid, \(sa2) {
    if (!is.null(given)) check_pi(given, length(sa2), names(start$sa2))
  })
  start
}

check_pi <- function(pi, K, components = NULL) {
  if (length(components) == K) {
    pi <- align_vector(pi, components, K, "pi", "component", to = "`sa2`")
  }
  if (!is.numeric(pi) || length(pi) != K || any(!is.finite(pi)) || any(pi < 0) || sum(pi) <= 0) {
    stop_mnmash("argument", "`pi` must hold ", K, " weights of at least 0, one for each of `sa2`")
  }
  as.double(pi / sum(pi))
}

# The variance of the residual at the start, but not next to nothing.
start_variance <- function(residual, variance, n) {
  if (is.null(residual)) variance else pmax(residual / n, 0.01 * variance)
}

core_mr_ash <- function(design, Y, marginal, grid, start, columns, settings) {
  bind <- \(x) matrix(unlist(x[columns]), ncol = length(columns))
  K <- length(grid[[columns[1L]]])
  dirichlet <- dirichlet_parameters(settings$prior, K, settings$nullweight)
  found <- call_core(
    "mr_ash",
    predictors = design,
    responses = core_responses(
      Y[, columns, drop = FALSE],
      if (design$form == "products") as.double(marginal$total[columns])
    ),
    prior = core_scalars(
      bind(grid), if (!is.null(start$pi[[columns[1L]]])) bind(start$pi), settings$scaled_prior
    ),
    noise = core_variances(!settings$update_sigma2, start$sigma2[columns]),
    start = start$b[, columns, drop = FALSE],
    control = c(settings[c("standardize", "tol", "max_iter")], list(
      update_pi = settings$update, order = start$order,
      penalty = if (any(dirichlet > 1)) dirichlet, slack = settings$slack
    )),
    label = "Sweeps", total = settings$max_iter * length(columns), n_threads = settings$n_threads
  )
  lapply(found$fits, \(fit) c(fit, list(norms = found$norms)))
}
