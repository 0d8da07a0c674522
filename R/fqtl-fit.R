# The fit of fqtl(), from checked data, and the object that is made of it.

# `settings`: list(K, u_prior, direct_prior, L, nonneg, prior, n_seeds, tol, max_iter, seed,
# n_threads). The prior of the samples' side is "spike_slab", "susie", or "values" where there are
# no predictors.
run_fqtl <- function(model, settings) {
  data <- model$data
  K <- if (is.null(data$weights)) check_count(settings$K, 0, name = "K") else ncol(data$weights)
  hyper <- fqtl_hyper(settings$prior, model, settings)
  max_iter <- check_count(settings$max_iter, 0, name = "max_iter")
  L <- check_count(settings$L, name = "L")
  fields <- c("name", "covariates", "low", "high", "start", "size", "base")
  out <- call_core(
    "fqtl",
    predictors = core_predictors(data$X$values),
    responses = list(
      y = model$Y, offset = model$offset, weights = data$weights, covariates = model$covariates,
      precision = model$precision, masks = data$masks
    ),
    family = stats::setNames(model$family[fields], fields),
    prior = c(settings[c("u_prior", "direct_prior", "nonneg")], list(L = L), hyper),
    control = list(
      K = K, n_seeds = check_count(settings$n_seeds, name = "n_seeds"), max_iter = max_iter,
      tol = check_number(settings$tol, 0, name = "tol"), seed = settings$seed
    ),
    label = "Factored regression", total = max(1, max_iter),
    n_threads = resolve_threads(settings$n_threads)
  )
  new_fqtl(out, model, settings)
}

# Ranges of the hyper-parameters: pi and tau for the samples' side, the loadings, direct effects.
fqtl_hyper <- function(prior, model, settings) {
  if (!is.list(prior)) stop_mnmash("type", "`prior` must be a list, such as list(pi_u = 0.01)")
  X <- model$data$X
  p <- max(1, ncol(X$values))
  m <- ncol(model$Y)
  values <- settings$u_prior == "values"
  # Of single effects the scales are not estimated but averaged over, down to what can be seen: a
  # z-score of two, or in each of several outcomes one.
  seen <- max(colSums(!is.na(model$Y)))
  free <- c(1e-3, 1e6)
  tau_u <- if (settings$u_prior == "susie") c(1, max(4, seen)) else free
  tau_direct <- if (settings$direct_prior == "susie") c(1, max(4, seen / 4)) else free
  # Effects in units of one standard deviation of the outcome for one of the predictor.
  unit <- (if (values) 1 else X$spread) / model$spread
  ranges <- list(
    pi_u = if (values) c(0.5, 0.5) else c(0.1 / p, 0.5), tau_u = tau_u,
    pi_v = c(0.1 / m, 0.95), pi_direct = c(0.1 / p, 0.5), tau_direct = tau_direct
  )
  unknown <- setdiff(names(prior), names(ranges))
  if (length(unknown) || (length(prior) && is.null(names(prior)))) {
    stop_mnmash(
      "argument", "`prior` may have elements ", paste(names(ranges), collapse = ", "),
      if (length(unknown)) paste0(", not ", unknown[1L])
    )
  }
  for (name in names(prior)) {
    value <- prior[[name]]
    largest <- if (startsWith(name, "pi")) 1 else Inf
    if (!is.numeric(value) || !length(value) %in% 1:2 || anyNA(value) || any(value <= 0) ||
          any(value > largest) || is.unsorted(value)) {
      stop_mnmash("argument", "`prior$", name, "` must be a positive number, or a range")
    }
    ranges[[name]] <- rep(value, length.out = 2L)
  }
  list(
    left = list(pi = ranges$pi_u, tau = ranges$tau_u * unit),
    right = list(pi = ranges$pi_v, tau = c(1, 1)),
    direct = list(pi = ranges$pi_direct, tau = ranges$tau_direct * unit)
  )
}

# The posterior in the user's units and names, strongest factors first.
new_fqtl <- function(out, model, settings) {
  data <- model$data
  names <- list(
    samples = rownames(data$Y), outcomes = colnames(data$Y), variants = colnames(data$X$values),
    covariates = colnames(data$covariates)
  )
  cells <- \(x, unit = 1) {
    `dimnames<-`(x * rep(unit, each = nrow(x)), list(names$samples, names$outcomes))
  }
  fit <- c(fqtl_factors(out, model, settings, names), fqtl_covariates(out, model, names))
  fit <- c(fit, list(
    dispersion = fqtl_dispersion(out$dispersion, model, cells),
    eta = cells(out$eta, model$unit) + rep(model$centres, each = nrow(out$eta)),
    eta_sd = cells(sqrt(out$eta_variance), model$unit),
    # The density of the outcomes in their own units.
    elbo = out$ended$trace - if (model$name == "gaussian") {
      sum(colSums(!is.na(data$Y)) * log(model$unit))
    } else {
      0
    },
    elbo_se = if (!is.nan(out$error)) out$error, converged = out$ended$converged,
    n_iter = out$ended$iterations, convergence = ending(out), family = model$name,
    nb_link = model$nb_link,
    u_prior = settings$u_prior, direct_prior = settings$direct_prior, nonneg = settings$nonneg,
    X_means = data$X$means,
    Y_unit = stats::setNames(model$unit, names$outcomes), terms = data$terms,
    has_offset = !is.null(data$offset)
  ))
  fit$fitted.values <- if (model$linear) fit$eta else cells(out$response)
  fit$residuals <- `dimnames<-`(data$Y - fit$fitted.values, dimnames(fit$eta))
  if (settings$u_prior != "values" || !is.null(data$masks)) {
    fit <- c(fit, fqtl_effects(fit, out, model, names))
  }
  structure(fit, class = "fqtl")
}

# Both sides of the factors. The loadings bear the units of the outcomes.
fqtl_factors <- function(out, model, settings, names) {
  factors <- order(-colSums(out$v$mean^2) * colSums(out$u$mean^2))
  rows <- if (settings$u_prior == "values") names$samples else names$variants
  label <- \(x, rows) {
    x <- x[, factors, drop = FALSE]
    dimnames(x) <- list(rows, if (length(factors)) paste0("factor_", seq_along(factors)))
    x
  }
  # Without factors the core does not say of what they would be.
  u <- lapply(out$u[c("pip", "mean", "sd")], \(x) label(x, if (nrow(x) == length(rows)) rows))
  if (!is.null(out$u$alpha)) {
    u$alpha <- lapply(out$u$alpha[factors], \(a) `rownames<-`(a, rows))
    u$presence <- out$u$presence[factors]
  }
  v <- lapply(out$v[c("pip", "mean", "sd")], label, rows = names$outcomes)
  v[c("mean", "sd")] <- lapply(v[c("mean", "sd")], `*`, model$unit)
  hyper <- \(side) lapply(side[intersect(c("pi", "tau"), names(side))], \(x) x[factors])
  weight <- if (!is.null(model$data$weights)) out$weight[factors]
  columns <- colnames(model$data$weights)
  if (!is.null(weight) && !is.null(columns)) names(weight) <- columns[weight]
  list(
    u = c(u, hyper(out$u)), v = c(v, hyper(out$v)), rank = length(factors), factor_weight = weight,
    scores = label(out$scores, names$samples)
  )
}

# Effects of the covariates as given, on the outcomes as given.
fqtl_covariates <- function(out, model, names) {
  natural <- \(x) {
    `dimnames<-`(
      x * rep(model$unit, each = nrow(x)) / model$covariate_unit,
      list(names$covariates, names$outcomes)
    )
  }
  effects <- natural(out$covariates)
  effects[1L, ] <- effects[1L, ] + model$centres
  list(covariates = effects, covariates_sd = natural(out$covariates_sd))
}

# Effects of the predictors: factors and direct ones, with standard deviations.
fqtl_effects <- function(fit, out, model, names) {
  masks <- model$data$masks
  blank <- matrix(0, length(fit$X_means), ncol(fit$eta))
  B <- variance <- blank
  if (fit$u_prior != "values") {
    B <- fit$u$mean %*% t(fit$v$mean)
    second <- (fit$u$mean^2 + fit$u$sd^2) %*% t(fit$v$mean^2 + fit$v$sd^2)
    variance <- pmax(second - fit$u$mean^2 %*% t(fit$v$mean^2), 0)
  }
  direct <- NULL
  names <- list(names$variants, names$outcomes)
  if (!is.null(masks)) {
    direct <- list(pip = blank, mean = blank, sd = blank)
    for (t in seq_along(masks)) {
      unit <- c(pip = 1, mean = model$unit[t], sd = model$unit[t])
      for (what in names(direct)) {
        direct[[what]][masks[[t]], t] <- out$direct[[t]][[what]][, 1L] * unit[[what]]
      }
    }
    B <- B + direct$mean
    variance <- variance + direct$sd^2
    direct <- lapply(direct, `dimnames<-`, names)
  }
  list(B = `dimnames<-`(B, names), B_sd = `dimnames<-`(sqrt(variance), names), direct = direct)
}

# Coefficients of the dispersion are relative to its range: they have no unit.
fqtl_dispersion <- function(dispersion, model, cells) {
  if (is.null(dispersion)) return(NULL)
  q <- ncol(model$family$covariates)
  # NaN: the information had no inverse.
  theta <- \(x) {
    x[is.nan(x)] <- NA
    matrix(x, q, dimnames = list(colnames(model$family$covariates), colnames(model$Y)))
  }
  out <- list(value = cells(dispersion$value, if (model$linear) model$unit^2 else 1))
  if (q > 1L) out <- c(out, list(theta = theta(dispersion$theta), se = theta(dispersion$se)))
  out
}
