# The regressions of all regions under one prior.

#' m&m regression of many regions under one prior
#'
#' Fits the multivariate multiple regression of [mr_mash()] in each of many regions, with the same
#' prior and weights for all, many regions at a time on all threads. It is the step of [mnm()] that
#' looks at the data: what [mnm_weights()] and [mnm_covariances()] need is part of the result.
#'
#' Predictors are standardized, and the residual covariance of a region is its own. The prior is
#' checked and factored once. A fit that goes on from `start` never has a lower bound. With
#' `restarts`, a region is also fitted anew from no effects: first under the prior with a null
#' weight of `heat`, so that effects can come in together, then under the prior as it is; the fit
#' with the higher bound stays. It takes a region out of the place where it was put by an earlier
#' prior, such as one variant with opposite effects where there are two.
#'
#' @param regions from [mnm_regions()], or what that takes.
#' @param prior a prior that knows its scales and weights (from [mnm_covariances()], [as_prior()],
#'   a fit of [mash()] to effects); or covariances alone (or `NULL`: [cov_canonical()]), which get
#'   a grid of scales from the data, and a null weight of 0.95. Of effects for one standard
#'   deviation of the predictor.
#' @param start an earlier result for these regions, to go on from.
#' @param restarts fit each region also from no effects.
#' @param heat null weight at the beginning of these.
#' @param residual structure of the residual covariances: `"full"` or `"diagonal"`.
#' @param posterior keep standard deviations and lfsr of all effects.
#' @param tol a fit has converged when a sweep raises its bound by at most `tol` for each value of
#'   the responses.
#' @inheritParams shared_arguments
#'
#' @return An object of class `mnm_regressions`, a list of
#' - `bound`: the sum of the bounds of the regions; `regions`: a data frame with a row for each
#'   region, of `region`, `n`, `p`, `bound`, `sweeps`, `restarted` (is the fit one from no effects)
#'   and `signals`, their number;
#' - `prior`; `counts`: expected numbers of variants by component;
#' - `V`: the mean residual covariance, weighted by samples;
#' - `signals`: a data frame of `region`, `variant` and `mass`, the posterior probability of an
#'   effect summed over variants in linkage (r^2 > 0.5) with it, where that is above 0.5;
#' - `failures`: as in [mnm_regions()];
#' - `fits`: by region, `mean` (p x r, per standard deviation of the variant), `V`, and with
#'   `posterior` `sd` and `lfsr`; `sketch` and `rows`: what the other steps use.
#' @section Errors:
#' A region that cannot be fitted is a row of `failures`, not an error. It is an error of class
#' `mnmash_error_region` if none can.
#' @section Complexity:
#' A sweep of a region takes O(p (n r + sum of the ranks of the matrices x r)) operations.
#' @seealso [mnm()], [mr_mash()]
#' @export
#' @examples
#' genes <- lapply(c(gene1 = 1, gene2 = 2, gene3 = 3), \(seed) {
#'   simulate_mr_mash(n = 100, p = 30, p_causal = 2, r = 2, pve = 0.3, seed = seed)[c("X", "Y")]
#' })
#' fit <- mnm_regress(genes)
#' fit
#' # Weights of all genes, and on from there: the bound rises
#' better <- mnm_regress(genes, mnm_weights(fit), start = fit)
#' better$bound - fit$bound
mnm_regress <- function(regions, prior = NULL, start = NULL, restarts = FALSE, heat = 0.8,
                        residual = c("full", "diagonal"), posterior = FALSE, tol = 1e-6,
                        max_iter = 1000, n_threads = NULL, ...) {
  take_dots(...)
  regions <- as_regions(regions)
  if (!is.null(start) && !inherits(start, "mnm_regressions")) {
    stop_mnmash("type", "`start` must be from mnm_regress()")
  }
  how <- list(
    restarts = check_flag(restarts), heat = check_number(heat, 0, 1),
    residual = match_choice(residual, c("full", "diagonal")),
    posterior = check_flag(posterior), tol = check_number(tol, 0),
    max_iter = check_count(max_iter), n_threads = n_threads
  )
  if (!is.null(n_threads)) resolve_threads(n_threads)
  prior <- start_prior(prior, regions)
  if (prior$null_weight <= 0) {
    stop_mnmash("value", "`prior` must have a null weight above 0: most variants have no effect")
  }
  regress_regions(regions, prior, start$fits, how)
}

as_regions <- function(regions) {
  if (inherits(regions, "mnm_regions")) regions else mnm_regions(regions)
}

# Regions of one call of the core: as many as are in memory together.
regions_at_once <- 64L

# `states` are the fits to go on from, by region. With a `folder`, answers become files.
regress_regions <- function(regions, prior, states, how, folder = NULL) {
  labels <- regions$table$region
  shards <- split(labels, (seq_along(labels) - 1L) %/% regions_at_once)
  workers <- stream_workers()
  threads <- stream_threads(how$n_threads, workers)
  source <- regions$source
  at <- lapply(regions$of_each, match, regions$conditions)
  # Rows that are kept one by one: more of them where there is room.
  how$threshold <- if (sum(regions$table$p) > 2e6) 2 else 1
  work <- regress_shard(prior, how, threads, if (workers > 1) for_workers(source) else source)
  item <- \(i) {
    names <- shards[[i]]
    list(
      names = names, at = at[names], states = states[names],
      given = if (workers > 1) source$regions[names],
      data = if (workers > 1) mget(names, source$held, ifnotfound = list(NULL))
    )
  }
  found <- each_shard(length(shards), item, work, folder, list(
    shards = shards, prior = prior, how = how[setdiff(names(how), "n_threads")]
  ))
  summed_regions(found, regions, prior)
}

# The answers of all shards, one after the other; `job` is what their files are for.
each_shard <- function(count, item, work, folder, job) {
  if (is.null(folder)) {
    found <- list()
    in_waves(
      seq_len(count), stream_workers(), work, \(i, done) found <<- c(found, done), item
    )
    return(found)
  }
  labels <- sprintf("shard-%06d", seq_len(count))
  files <- work_through(labels, item, work, folder, job)$file
  do.call(c, lapply(files, read_rds, name = "folder"))
}

# What a worker needs to read the regions that it is sent.
for_workers <- function(source) {
  source$regions <- NULL
  source$held <- new.env()
  source$held$bytes <- Inf
  source
}

# The regressions of some regions. Those of the same conditions are one call.
regress_shard <- function(prior, how, threads, source) {
  force(prior)
  force(how)
  force(threads)
  force(source)
  function(piece) {
    if (!is.null(piece$given)) source$regions <- piece$given
    data <- lapply(stats::setNames(nm = piece$names), \(name) {
      piece$data[[name]] %||% tryCatch(read_region(source, name), error = identity)
    })
    lost <- vapply(data, inherits, NA, "error")
    out <- data
    patterns <- vapply(piece$at, paste, "", collapse = " ")
    for (pattern in unique(patterns[!lost])) {
      these <- piece$names[patterns == pattern & !lost]
      margin <- core_margin(prior, piece$at[[these[1L]]])
      found <- core_regress(data[these], piece$states[these], margin, how, threads)
      out[these] <- Map(\(found, region, at) {
        if (!is.null(found$kind)) return(from_kind(found))
        region_answer(found, region, margin, at)
      }, found, data[these], piece$at[these])
    }
    out
  }
}

core_regress <- function(data, states, margin, how, threads) {
  r <- length(data[[1L]]$conditions)
  hot <- margin$weights
  hot[-1L] <- hot[-1L] * (1 - how$heat) / max(sum(hot[-1L]), 1e-300)
  hot[1L] <- how$heat
  call_core(
    "mnm_regress",
    regions = unname(lapply(names(data), \(name) {
      region <- data[[name]]
      state <- states[[name]]
      list(
        predictors = region$predictors, packed = region$packed, responses = region$responses,
        start = start_of(state, region)
      )
    })),
    prior = margin$prior, noise = core_noise(how$residual), size = r,
    control = list(
      tol = how$tol, max_iter = how$max_iter, threshold = how$threshold, posterior = how$posterior,
      restart = if (how$restarts) list(weights = hot[margin$groups$index], sweeps = 40)
    ),
    n_threads = threads
  )
}

# Where a region goes on from: coefficients and residual covariance of an earlier fit, by name.
start_of <- function(state, region) {
  if (is.null(state)) return(list(B = NULL, V = region$V, level = NULL))
  names <- list(region$variants, region$conditions)
  if (identical(dimnames(state$mean), names)) {
    return(list(B = state$mean, V = state$V, level = state$level))
  }
  to <- "the region"
  p <- nrow(state$mean)
  r <- length(region$conditions)
  B <- align_rows(state$mean, region$variants, p, "start", "variant", to = to, more = "refuse")
  list(
    B = align_columns(B, region$conditions, r, "start", "condition", to = to, more = "refuse"),
    V = align_square(state$V, region$conditions, r, "start", "condition", to = to),
    level = align_columns(
      state$level, region$conditions, r, "start", "condition", to = to, more = "refuse"
    )
  )
}

# A failure of the core as a condition.
from_kind <- function(found) {
  structure(
    class = c(paste0("mnmash_error_", found$kind), "mnmash_error", "error", "condition"),
    list(message = found$message, call = NULL)
  )
}

# What is kept of a region: components in the order of the prior, conditions `at` of all.
region_answer <- function(found, region, margin, at) {
  if (found$stop == "contradicted") {
    return(from_kind(list(
      kind = "contradiction", message = "the statistics contradict each other: see ?finemap"
    )))
  }
  back <- \(x) from_core_order(x, margin$groups)
  log_bf <- found$log_bf
  log_bf[, margin$groups$index] <- found$log_bf
  kept <- nrow(log_bf)
  s <- sqrt(outer(ifelse(found$precision > 0, 1 / found$precision, Inf), diag(found$V)))
  fit <- list(
    mean = `dimnames<-`(found$mean, list(region$variants, region$conditions)),
    V = `dimnames<-`(found$V, list(region$conditions, region$conditions)),
    level = `dimnames<-`(found$level, list(NULL, region$conditions))
  )
  if (!is.null(found$posterior)) fit <- c(fit, region_effects_of(found, region))
  list(
    fit = fit, bound = found$elbo, counts = back(found$counts), sweeps = found$iterations,
    restarted = found$restarted, log_bf = log_bf, others = found$others,
    mean_bf = back(found$mean_bf), rows = found$rows, b = found$b, s = s,
    kind = rep(c("kept", "sample", "lead"), c(kept, found$sample, length(found$mass))),
    mass = found$mass, variants = region$variants, at = at, n = region$n
  )
}

# One table of everything: regions in their order.
summed_regions <- function(found, regions, prior) {
  found <- found[regions$table$region]
  bad <- vapply(found, inherits, NA, "error")
  failures <- rbind(regions$failures, failure_rows(found[bad], "regression"))
  if (all(bad)) {
    own <- failures[failures$step == "regression", ]
    stop_all_failed("no region can be fitted", own, found[[1L]])
  }
  good <- found[!bad]
  of <- \(what, type = 0) vapply(good, `[[`, type, what)
  leads <- lapply(good, \(x) x$rows[x$kind == "lead"])
  signals <- data.frame(
    region = rep(names(good), lengths(leads)),
    variant = as.character(unlist(Map(\(x, at) if (is.null(x$variants)) at else x$variants[at],
                                      good, leads))),
    mass = as.double(unlist(lapply(good, `[[`, "mass"))), row.names = NULL
  )
  R <- length(regions$conditions)
  components <- c("null", names(prior$U))
  table <- regions$table[!bad, c("region", "n", "p")]
  table$bound <- unname(of("bound"))
  table$sweeps <- unname(of("sweeps"))
  table$restarted <- unname(of("restarted", NA))
  table$signals <- unname(lengths(leads))
  rownames(table) <- NULL
  counts <- Reduce(`+`, lapply(good, `[[`, "counts"))
  structure(
    list(
      bound = sum(table$bound), regions = table, prior = prior,
      counts = stats::setNames(counts, components), V = mean_covariance(good, regions),
      signals = signals, failures = failures, fits = lapply(good, `[[`, "fit"),
      sketch = list(
        log_bf = `colnames<-`(do.call(rbind, unname(c(
          lapply(good, `[[`, "log_bf"), lapply(good, \(x) log(x$mean_bf))
        ))), components),
        weights = c(rep(1, sum(vapply(good, \(x) nrow(x$log_bf), 0L))), unname(of("others")))
      ),
      rows = stacked_rows(good, R, regions$conditions), conditions = regions$conditions
    ),
    class = "mnm_regressions"
  )
}

# Estimates and errors of the kept rows, of the sample of the others and of the leads, in all
# conditions.
stacked_rows <- function(good, R, conditions) {
  stack <- \(what) do.call(rbind, unname(lapply(good, \(x) {
    out <- matrix(NA_real_, nrow(x$b), R, dimnames = list(NULL, conditions))
    out[, x$at] <- x[[what]]
    out
  })))
  kind <- unlist(lapply(good, `[[`, "kind"), use.names = FALSE)
  weight <- unlist(lapply(good, \(x) {
    sample <- x$kind == "sample"
    ifelse(sample, x$others / max(sum(sample), 1), as.double(x$kind == "kept"))
  }), use.names = FALSE)
  list(b = stack("b"), s = stack("s"), kind = kind, weight = weight)
}

# Of each pair of conditions the mean over the regions that have both.
mean_covariance <- function(good, regions) {
  conditions <- regions$conditions
  R <- length(conditions)
  total <- n <- matrix(0, R, R, dimnames = list(conditions, conditions))
  for (x in good) {
    total[x$at, x$at] <- total[x$at, x$at] + x$n * x$fit$V
    n[x$at, x$at] <- n[x$at, x$at] + x$n
  }
  ifelse(n > 0, total / pmax(n, 1), 0)
}

#' @rdname mnm_regress
#' @param x the regressions.
#' @export
print.mnm_regressions <- function(x, ...) {
  take_dots(...)
  cat(
    "m&m regressions of ", counted(nrow(x$regions), "region"), " in ",
    counted(length(x$conditions), "condition"), ": bound ", format(x$bound, digits = 10), ", ",
    counted(nrow(x$signals), "signal"), "\n",
    "Expected share of variants with an effect: ",
    format(1 - x$counts[[1L]] / sum(x$counts), digits = 3), "\n", sep = ""
  )
  print_failures(x$failures)
  invisible(x)
}

#' @export
`$.mnm_regressions` <- function(x, name) exact_entry(x, name)
