# The only caller of Rust: what the core needs of the data and of the prior, in the form it expects.

# Calls rust_<f>() with named lists (`src/rust/src/` says which fields each has) and, if it takes
# long, `run`. With a `label` its progress is shown: `total` units, and `then` after the last.
call_core <- function(f, ..., label = NULL, total = NA, n_threads = 1L, then = NULL) {
  rust <- get(paste0("rust_", f), envir = topenv(), mode = "function")
  work <- function(progress = NULL) {
    before <- .External(mnmash_watch, progress)
    on.exit(.External(mnmash_watch, before))
    run <- if ("run" %in% names(formals(rust))) list(run = list(n_threads = n_threads))
    found <- do.call(rust, c(list(...), run), quote = TRUE)
    # What R raised while it was asked whether to go on: Ctrl-C, a limit of time, any error.
    .External(mnmash_resume)
    from_rust(found)
  }
  if (is.null(label)) work() else with_progress(label, total, work, then)
}

# The same with a function of R among the arguments, which the core calls: an error in it, or
# Ctrl-C, ends the call as itself.
call_core_back <- function(f, ...) {
  failure <- NULL
  keep <- function(condition) {
    failure <<- condition
    NULL
  }
  guarded <- lapply(list(...), \(x) {
    if (is.function(x)) \(...) tryCatch(x(...), error = keep, interrupt = keep) else x
  })
  found <- do.call(call_core, c(list(f), guarded), quote = TRUE)
  if (inherits(failure, "error")) stop(failure)
  if (!is.null(failure)) interrupted(failure)
  found
}

# How a fit ended, which every fit carries as `convergence`: `more` of what was found, and
# converged, stop, iterations, trace, message.
ending <- function(found, more = NULL) c(found[more], found$ended)

# The same of a loop that is in R, because it calls fits or reads files: `stop` is a word of the
# core, `message` more than that word says.
ending_of <- function(stop, iterations, trace, message = call_core("reason", stop = stop)) {
  list(
    converged = stop == "converged", stop = stop, iterations = iterations, trace = trace,
    message = message
  )
}

# The same of several fits in one, with their traces as a list: it has converged if all have.
endings <- function(each) {
  bad <- which(!vapply(each, `[[`, NA, "converged"))
  worst <- each[[c(bad, 1L)[1L]]]
  list(
    converged = !length(bad), stop = worst$stop,
    iterations = max(vapply(each, `[[`, 0, "iterations")), trace = lapply(each, `[[`, "trace"),
    message = paste0(
      if (length(bad)) paste0(length(bad), " of ", length(each), " fits: "), worst$message
    )
  )
}

# Effects with their errors. V is NULL for independent errors; `baseline` is what differences are
# differences of (see R/data-contrasts.R).
core_measurements <- function(data) {
  noise <- if (is.null(data$L)) list(V = data$V) else contrast_noise(data)
  list(
    x = as_doubles(data$Bhat), s = as_doubles(data$Shat), missing = data$missing,
    V = if (!is.null(noise$V) && !is_identity(noise$V)) as_doubles(noise$V),
    baseline = noise$baseline
  )
}

is_identity <- function(V) {
  length(dim(V)) == 2L && identical(unname(as_doubles(V)), diag(nrow(V)))
}

as_doubles <- function(x) {
  if (!is.double(x)) storage.mode(x) <- "double"
  x
}

# A mixture of normals: covariances times the squares of `grid`, or times `scales`, which are a list
# with numbers for each of them. Without weights where they are not known; `null`: whether the first
# weight is that of the point zero; `product`: see R/mash-product.R.
core_prior <- function(U, grid = NULL, weights = NULL, scales = NULL, null = FALSE,
                       product = NULL) {
  list(
    U = U, grid = if (!is.null(grid)) as.double(grid), scales = scales,
    weights = if (!is.null(weights)) as.double(weights), null = null,
    product = if (!is.null(product)) {
      list(
        variances = as.double(product$grid)^2, weights = as_doubles(unname(product$pi)),
        weight = as.double(product$weight)
      )
    }
  )
}

# The same in one dimension for several fits, a column of `variances` and `weights` for each; the
# variances may be `relative` to that of the residual. `slab`: NULL, or what is known of the largest
# variance, and how much that counts.
core_scalars <- function(variances, weights, relative = TRUE, slab = NULL) {
  list(variances = variances, weights = weights, relative = relative, slab = slab)
}

# Values of predictors, a matrix or as as_predictors() has them, with an orthonormal basis of the
# covariates that the core regresses out.
core_predictors <- function(X, basis = NULL) {
  list(form = "samples", x = core_columns(X, X$n), basis = basis)
}

# Products of predictors: `x` itself; or correlations, with sums of squares; or
# diag(roots) x diag(roots).
core_products <- function(x, samples, norms = NULL, roots = NULL) {
  list(
    form = "products", x = core_columns(x, length(x$starts) - 1L), norms = norms, roots = roots,
    samples = samples
  )
}

core_columns <- function(x, n) {
  if (is.matrix(x)) return(x)
  if (is.null(x$starts)) return(x$x)
  list(n = n, starts = x$starts, rows = x$rows, values = x$x)
}

# Responses of samples; or their products with the predictors and, as `total`, with themselves.
core_responses <- function(Y, total = NULL) list(y = Y, total = total)

# The covariance of residuals: its structure, and what it is or starts from.
core_noise <- function(structure, V = NULL, rank = NULL) {
  list(structure = structure, rank = rank, V = V)
}

# Residual variances of several fits, which may be found from there.
core_variances <- function(known, variances) {
  core_noise(if (known) "known" else "full", as.double(variances))
}

# What a function of mash's data and prior is called with. Those that know of a product get it.
core_mash <- function(f, data, g, ..., weights = NULL, label, n_threads, then = NULL) {
  prior <- core_prior(
    g$Ulist, g$grid, weights, null = g$usepointmass,
    product = if (f %in% c("mash", "weight_sums")) g$product
  )
  call_core(
    f, measurements = core_measurements(data), prior = prior, ...,
    label = label, total = nrow(data$Bhat), n_threads = n_threads, then = then
  )
}

# log N(x_j; 0, S_j V S_j + w_l^2 U_k) in scaled units, J x P.
loglik_matrix <- function(data, g, n_threads) {
  loglik <- core_mash("loglik", data, g, label = "Likelihoods", n_threads = n_threads)
  dimnames(loglik) <- list(
    rownames(data$Bhat), component_names(g$Ulist, g$grid, g$usepointmass)
  )
  loglik
}

# log of the Jacobian of the scaling, for each unit: log-likelihoods of Bhat are lower by this.
# Of observed cells only.
log_scale <- function(data) {
  if (data$alpha == 0) return(0)
  if (is.null(data$missing)) return(rowSums(log(data$Shat_alpha)))
  rowSums(log(data$Shat_alpha) * !data$missing)
}

# What the model's effects are multiplied by to be reported: back to the units of Bhat, times a
# `weight` for each cell where contrasts give one (see R/mash-contrast.R).
effect_scale <- function(data) {
  scale <- if (data$alpha != 0) as_doubles(data$Shat_alpha)
  if (is.null(data$weight)) return(scale)
  if (is.null(scale)) data$weight else scale * data$weight
}

# The noise of contrasts as the core takes it: V, if it is the same for all units, or what it
# follows from.
contrast_noise <- function(data) {
  if (!is.null(data$LSVSLt)) return(list(V = unname(data$LSVSLt)))
  list(V = data$V, baseline = c(list(s = as_doubles(data$Shat_orig)), baseline_weights(data$L)))
}

# The linear map from the effects of the model to what is reported: A, and for contrasts with the
# mean, whose last difference is minus the sum of the others, the map to all of them.
output_map <- function(data, A) {
  to_all <- if (!is.null(data$L) && identical(attr(data$L, "reference"), "mean")) {
    R <- ncol(data$L)
    rbind(diag(R - 1L), -1)
  }
  if (is.null(A)) {
    if (!is.null(to_all)) rownames(to_all) <- paste0(colnames(data$L), "-mean")
    return(to_all)
  }
  A <- check_map(
    A, if (is.null(to_all)) colnames(data$Bhat) else to_all_names(data),
    if (is.null(to_all)) ncol(data$Bhat) else nrow(to_all)
  )
  if (is.null(to_all)) A else A %*% to_all
}

to_all_names <- function(data) {
  if (!is.null(colnames(data$Bhat))) paste0(colnames(data$L), "-mean")
}

# Linear functions of R effects, a row each: columns in the order of the effects, by name. One of
# more effects is reduced to them where it does not need the others.
check_map <- function(A, conditions, R) {
  if (is.null(dim(A)) && is.numeric(A)) {
    A <- matrix(A, 1L, dimnames = if (!is.null(names(A))) list(NULL, names(A)))
  }
  A <- as_numeric_matrix(A)
  if (!all(nzchar(colnames(A)))) {
    stop_mnmash("names", as_typed("A"), " must have a name for each column, or none")
  }
  if (anyNA(A)) stop_mnmash("not_finite", as_typed("A"), " must not have missing values")
  check_finite(A)
  if (is.null(colnames(A)) || is_invented(colnames(A)) || is.null(conditions)) {
    if (ncol(A) != R) {
      stop_mnmash(
        "dimension", as_typed("A"), " must have ", R, " columns, one per effect, not ", ncol(A)
      )
    }
    return(A)
  }
  more <- setdiff(colnames(A), conditions)
  needed <- more[colSums(A[, more, drop = FALSE] != 0) > 0]
  if (length(needed)) stop_other_names("A", "condition", "the data", character(), needed, R)
  align_columns(A, conditions, R, "A", "condition")
}

# "<matrix>.<scale>", null first.
component_names <- function(ulist, grid, pointmass) {
  names <- outer(names(ulist), seq_along(grid), paste, sep = ".")
  c(if (pointmass) "null", names)
}

# The weights of the baseline, and the conditions it is subtracted from.
baseline_weights <- function(L) {
  ref <- attr(L, "reference")
  R <- ncol(L)
  if (identical(ref, "mean")) {
    list(weights = rep(1 / R, R), keep = seq_len(R - 1L))
  } else {
    list(weights = as.double(seq_len(R) == ref), keep = seq_len(R)[-ref])
  }
}
