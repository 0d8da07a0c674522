# What fqtl() makes of outcomes and their family before the fit: centred, in natural units, with the
# ranges of variances and dispersions.

fqtl_model <- function(Y, family, covariates, var_covariates, offset, size, nb_link, nb_floor,
                       library_size, variance_bounds) {
  Y <- as_numeric_matrix(Y)
  check_finite(Y)
  n <- nrow(Y)
  empty <- which(colSums(!is.na(Y)) < 2L)
  if (length(empty)) {
    stop_mnmash(
      "missing", "`Y` must have two observed values or more in each column: ",
      describe_index("column", empty[1L], colnames(Y)), " has not", and_more(length(empty))
    )
  }
  name <- match_choice(family, c("gaussian", "nb", "voom", "binomial", "beta"))
  nb_link <- match_choice(nb_link, c("log", "odds"))
  model <- list(
    Y = Y, name = name, nb_link = if (name == "nb") nb_link, unit = 1, shift = 0,
    centres = rep(0, ncol(Y)), linear = name %in% c("gaussian", "voom"),
    covariates = with_intercept(covariates, "covariates", n),
    offset = fqtl_offset(offset, n, ncol(Y))
  )
  var_covariates <- with_intercept(var_covariates, "var_covariates", n)
  base <- NULL
  if (name == "voom" && !is.null(library_size)) {
    if (!is.numeric(library_size) || length(library_size) != n || !all(library_size > 0)) {
      stop_mnmash("argument", "`library_size` must be ", n, " positive numbers, one for each row")
    }
    # log2-cpm in natural logarithms; log(mean count) = eta + log((library + 1) / 1e6).
    model$unit <- 1 / log(2)
    model$Y <- model$Y * log(2)
    base <- matrix(log((library_size + 1) / 1e6), n, ncol(Y))
    if (!is.null(model$offset)) model$offset <- model$offset * log(2)
  }
  if (model$linear) {
    rest <- if (is.null(model$offset)) model$Y else model$Y - model$offset
    model$centres <- unname(colMeans(rest, na.rm = TRUE))
    model$Y <- model$Y - rep(model$centres, each = n)
    model$shift <- rep(model$centres * model$unit, each = n)
    if (name == "voom") {
      base <- (if (is.null(base)) matrix(0, n, ncol(Y)) else base) + rep(model$centres, each = n)
    }
    model$centres <- model$centres * model$unit
  }
  variances <- pmax(column_variances(if (model$linear) model$Y else Y), 1e-300)
  model$spread <- if (model$linear) mean(variances) else 1
  model$precision <- 1e-6 / model$spread
  model$family <- c(
    list(covariates = var_covariates),
    family_ranges(name, nb_link, Y, variances, size, nb_floor, variance_bounds, var_covariates),
    list(base = base)
  )
  model
}

column_variances <- function(Y) {
  centred <- Y - rep(colMeans(Y, na.rm = TRUE), each = nrow(Y))
  unname(colMeans(centred^2, na.rm = TRUE))
}

# Where each outcome's variance or dispersion may lie, and where it starts.
family_ranges <- function(name, nb_link, Y, variances, size, nb_floor, bounds, var_covariates) {
  means <- unname(colMeans(Y, na.rm = TRUE))
  if (name %in% c("gaussian", "voom")) {
    if (is.null(bounds)) bounds <- c(1e-4, if (ncol(var_covariates) > 1L) 100 else 1)
    if (!is.numeric(bounds) || length(bounds) != 2L || anyNA(bounds) || bounds[1L] <= 0 ||
          bounds[1L] >= bounds[2L]) {
      stop_mnmash("argument", "`variance_bounds` must be two increasing positive numbers")
    }
    low <- bounds[1L] * variances
    high <- bounds[2L] * variances
    return(list(name = name, low = low, high = high, start = pmin(variances, high)))
  }
  if (name == "nb") {
    if (is.null(nb_floor)) nb_floor <- 0
    nb_floor <- rep_len(check_number(nb_floor, 0), ncol(Y))
    moment <- means^2 / pmax(variances - means, means / 100)
    start <- pmax(pmin(moment, 100), 0.05) + nb_floor
    return(list(name = if (nb_link == "odds") "nb" else "nb_log", low = nb_floor, start = start))
  }
  if (name == "beta") {
    moment <- means * (1 - means) / variances - 1
    return(list(name = name, low = rep(1e-6, ncol(Y)), start = pmax(moment, 0.1)))
  }
  list(name = name, size = binomial_size(size, Y))
}

binomial_size <- function(size, Y) {
  if (is.null(size)) return(NULL)
  if (is.numeric(size) && length(size) == 1L) size <- matrix(size, nrow(Y), ncol(Y))
  size <- as_numeric_matrix(size)
  if (!identical(dim(size), dim(Y))) {
    stop_mnmash(
      "dimension", "`size` must be ", describe_dim(Y), " as `Y`, not ", describe_dim(size)
    )
  }
  size[is.na(Y)] <- 1
  check_finite(size, na_ok = FALSE)
  size
}

# The intercept, then the covariates.
with_intercept <- function(covariates, name, n) {
  if (is.null(covariates)) return(matrix(1, n, 1L, dimnames = list(NULL, "(Intercept)")))
  covariates <- check_rows(covariates, name, n)
  constant <- which(apply(covariates, 2L, \(x) all(x == x[1L])))
  if (length(constant)) {
    stop_mnmash(
      "argument", "`", name, "` must not have a constant column (the intercept is there already): ",
      describe_index("column", constant[1L], colnames(covariates)), " is"
    )
  }
  if (is.null(colnames(covariates))) colnames(covariates) <- paste0(name, seq_len(ncol(covariates)))
  cbind(`(Intercept)` = 1, covariates)
}

check_rows <- function(x, name, n) {
  x <- as_numeric_matrix(x, name = name)
  check_finite(x, name = name, na_ok = FALSE)
  if (nrow(x) != n) {
    stop_mnmash("dimension", "`", name, "` must have ", n, " rows as `Y`, not ", nrow(x))
  }
  x
}

fqtl_offset <- function(offset, n, m) {
  if (is.null(offset)) return(NULL)
  if (is.numeric(offset) && is.null(dim(offset)) && length(offset) == n) {
    offset <- matrix(offset, n, m)
  }
  offset <- check_rows(offset, "offset", n)
  if (ncol(offset) != m) {
    stop_mnmash("dimension", "`offset` must have 1 or ", m, " columns, not ", ncol(offset))
  }
  offset
}

# Predictors, centred: list(values, means, spread), the spread being their mean variance.
check_predictors <- function(X, n) {
  X <- check_rows(X, "X", n)
  means <- colMeans(X)
  values <- X - rep(means, each = n)
  spread <- mean(values^2)
  if (spread == 0) stop_mnmash("argument", "`X` is constant: no column can have an effect")
  list(values = values, means = means, spread = spread)
}

# Predictors that may act on each outcome, as numbers.
cis_masks <- function(cis, p, m) {
  if (is.null(cis) || isFALSE(cis)) return(NULL)
  if (isTRUE(cis)) return(rep(list(seq_len(p)), m))
  if (!is.logical(cis) || !identical(dim(cis), c(p, m)) || anyNA(cis)) {
    stop_mnmash("argument", "`cis` must be TRUE, or a logical matrix of dimensions ", p, " x ", m)
  }
  lapply(seq_len(m), \(t) which(cis[, t]))
}

fqtl_dispersion <- function(dispersion, model, samples, tissues) {
  if (is.null(dispersion)) return(NULL)
  q <- ncol(model$family$covariates)
  # NaN: the information had no inverse.
  theta <- \(x) {
    x[is.nan(x)] <- NA
    matrix(x, q, dimnames = list(colnames(model$family$covariates), tissues))
  }
  value <- dispersion$value * if (model$linear) model$unit^2 else 1
  out <- list(value = `dimnames<-`(value, list(samples, tissues)))
  if (q > 1L) out <- c(out, list(theta = theta(dispersion$theta), se = theta(dispersion$se)))
  out
}
