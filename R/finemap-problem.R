# The forms of the data as the core takes them, and the way back from the scale of the fit.

# A list of
# - `run(task)`: the fit; `task` is what does not depend on the form of the data;
# - `sd`, `n`: of the outcomes, for the older scaling of priors;
# - `z_unit`, `unit`: what a prior of z-scores, and one of effects, is multiplied by on both sides;
# - `rescale(coef)`, `intercept(coef)`: to the variables as given;
finemap_problem <- function(data, V, standardize, intercept, estimate_V) {
  switch(
    data$kind,
    rows = rows_problem(data, V, standardize, intercept, estimate_V),
    suffstat = suffstat_problem(data, V, standardize),
    sumstats = sumstats_problem(data, V, estimate_V)
  )
}

rows_problem <- function(data, V, standardize, intercept, estimate_V) {
  X <- data$X
  Y <- data$Y
  missing <- anyNA(Y)
  if (missing && estimate_V != "none") {
    stop_mnmash("argument", "`estimate_V` must be \"none\" where `Y` has missing values")
  }
  if (missing && is.null(V)) {
    stop_mnmash(
      "argument", "`V` must be given where `Y` has missing values, for instance from mr_mash()"
    )
  }
  V <- if (is.null(V)) stats::cov(Y) else check_V(V, data$R, data$conditions)
  if (estimate_V == "diag") V <- diag(diag(V), data$R)
  n <- nrow(X)
  sd <- sqrt(colMeans((Y - rep(colMeans(Y, na.rm = TRUE), each = n))^2, na.rm = TRUE) * n / (n - 1))
  seen <- colSums(!is.na(Y))
  columns <- NULL
  run <- function(task) {
    found <- from_rust(rust_finemap_rows(
      X, Y, V, intercept, standardize, getOption("mnmash.memory", 2e9), task
    ))
    columns <<- found$columns
    found$fit
  }
  list(
    run = run, sd = sd, n = n, z_unit = sd / sqrt(seen), unit = 1,
    rescale = \(coef) {
      coef / columns$x_scale
    },
    intercept = \(coef) {
      if (intercept && !missing) columns$y_mean - drop(columns$x_mean %*% coef)
      else if (intercept) gls_intercept(Y, X %*% coef, V)
      else rep(0, ncol(Y))
    }
  )
}

# The intercepts of incomplete outcomes given everything else: generalised least squares.
gls_intercept <- function(Y, fitted, V) {
  R <- ncol(Y)
  precision <- matrix(0, R, R)
  right <- numeric(R)
  observed <- !is.na(Y)
  for (rows in split(seq_len(nrow(Y)), apply(observed, 1L, paste, collapse = ""))) {
    o <- which(observed[rows[1L], ])
    if (!length(o)) next
    P <- solve(V[o, o, drop = FALSE])
    precision[o, o] <- precision[o, o] + length(rows) * P
    residual <- Y[rows, o, drop = FALSE] - fitted[rows, o, drop = FALSE]
    right[o] <- right[o] + drop(P %*% colSums(residual))
  }
  solve(precision, right)
}

suffstat_problem <- function(data, V, standardize) {
  n <- data$n
  V <- if (is.null(V)) data$YtY / (n - 1) else check_V(V, data$R, data$conditions)
  scale <- if (standardize) sqrt(diag(data$XtX) / (n - 1)) else rep(1, data$p)
  sd <- sqrt(diag(data$YtY) / (n - 1))
  list(
    run = \(task) {
      rust_finemap_products(
        data$XtX, 1 / scale, data$XtY / scale, data$YtY, n, unname(V), task
      )
    },
    sd = sd, n = n, z_unit = sd / sqrt(n), unit = 1,
    rescale = \(coef) coef / scale,
    intercept = \(coef) {
      if (!is.null(data$x_mean) && !is.null(data$y_mean)) data$y_mean - drop(data$x_mean %*% coef)
    }
  )
}

# One `n`: as if X and Y had been standardised. Otherwise z-scores themselves, whose expectations
# are sqrt(n_r - 1) times the effects.
sumstats_problem <- function(data, V, estimate_V) {
  n <- data$n
  R <- data$R
  if (is.null(V) && R > 1L) {
    stop_mnmash(
      "argument", "`V`, the correlation of z-scores without effects, is needed with summary ",
      "statistics of several conditions: estimate it from z-scores of the genome by ",
      "residual_correlation(), or give diag(", R, ") for samples that do not overlap"
    )
  }
  V <- if (is.null(V)) matrix(1) else check_V(V, R, data$conditions)
  one <- length(n) == 1L
  if (!one && estimate_V != "none") {
    stop_mnmash("argument", "`estimate_V` needs one `n` for all conditions")
  }
  each <- if (is.null(n)) rep(1, R) else rep_len(n, R) - 1
  Z <- data$Z
  if (!is.null(n)) {
    m <- rep(rep_len(n, R), each = nrow(Z))
    Z <- Z * sqrt((m - 1) / (Z^2 + m - 2))
  }
  YtY <- if (one) (n - 1) * stats::cov2cor(V) else matrix(0, R, R)
  gram <- if (one) sqrt(n - 1) else 1
  z_unit <- if (is.null(n)) 1 else if (one) 1 / sqrt(n) else sqrt(each / (each + 1))
  list(
    run = \(task) {
      rust_finemap_products(
        data$LD, rep(gram, data$p), gram * Z, YtY, if (one) n else 0, unname(V), task
      )
    },
    sd = rep(1, R), n = if (one) n else 1, z_unit = z_unit, unit = if (one) 1 else sqrt(each),
    rescale = \(coef) if (one) coef else coef / rep(sqrt(each), each = nrow(coef)),
    intercept = \(coef) NULL
  )
}

check_V <- function(V, R, conditions) {
  V <- complete_matrix(V, "V")
  if (!identical(dim(V), c(R, R))) {
    stop_mnmash("dimension", "`V` must be ", R, " x ", R, ", not ", describe_dim(V))
  }
  check_same_variables(conditions, rownames(V), "data", "V")
  check_square(V, "V")
  unname(V)
}
