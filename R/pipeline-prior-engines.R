# How mixture_prior() learns: the calibrated way, and those of other tools.

# The calibrated way: covariances of the strong set, weights of the random set.
learn_from_sets <- function(input, strong, V, how) {
  random <- if (is.null(input$random.b) || !nrow(input$random.b)) {
    how$say("There is no `random` set: weights are those of the strong units")
    strong
  } else {
    set_data(input, "random", strong$alpha, V)
  }
  R <- ncol(strong$Bhat)
  warn_few_units(nrow(strong$Bhat), "strong", R)
  warn_few_units(nrow(random$Bhat), "random", R)
  warn_identity(random)
  choices <- learning_choices(seed = how$seed, n_threads = how$n_threads)
  U <- learn_matrices(random, strong, choices)
  how$say("Weights of ", length(U), " matrices from ", nrow(random$Bhat), " units")
  counts <- counted_units(strong, random)
  m <- fit_to_weigh(random, U, how$n_threads, product = TRUE)
  map <- if (counts$few) {
    how$say("Errors of its lfsr from ", bootstrap_sims, " simulations")
    apart <- !is.null(input$random.b) && nrow(input$random.b) > 0L
    learn_lfsr_map(
      random, block_numbers(NULL, random), fit_prior(m), choices, bootstrap_sims,
      strong = if (apart) strong
    )
  }
  list(
    weights = weights_of_fit(m, U), refined = grep("^(ud|shrunk)_", names(U), value = TRUE),
    learnt = counts, lfsr_map = map
  )
}

# The ways of other tools: starting matrices of the strong set, refined, in units of its noise.
refine_components <- function(strong, choices, how) {
  warn_few_units(nrow(strong$Bhat), "strong", ncol(strong$Bhat))
  start <- starting_matrices(
    strong, how$engine, choices, default_npc(choices$npc, strong), how$n_threads
  )
  if (!is.null(how$tol_all) && startsWith(how$engine, "ud")) {
    how$tol <- how$tol_all / nrow(strong$Bhat)
  }
  how$say(
    "Components: ", length(start$data), " matrices from ", nrow(strong$Bhat), " strong units, ",
    length(start$canonical), " canonical"
  )
  kinds <- lapply(start$kinds, \(U) lapply(U, `*`, strong$unit^2))
  if (!is.null(how$keep)) how$keep(kinds)
  found <- with_seed(choices$seed, refine(strong, start, how))
  U <- found$U
  if (choices$w_source == "engine") {
    weights <- list(U = U, w = found$w, null_weight = 0)
  } else {
    if (choices$keep_raw && length(found$refined)) U <- c(found$raw, U)
    how$say("Weights of ", length(U), " matrices")
    weights <- weigh_by_mash(strong, U, how$n_threads)
  }
  weights$U <- lapply(weights$U, `*`, strong$unit^2)
  if (!is.null(weights$grid)) weights$grid <- weights$grid * strong$unit
  c(list(weights = weights, kinds = kinds), found[setdiff(names(found), c("U", "w", "raw"))])
}

# Starting matrices, the data-driven apart from the canonical ones; for ultimate deconvolution those
# that are only scaled are called canonical here.
starting_matrices <- function(strong, engine, choices, npc, n_threads) {
  ud <- startsWith(engine, "ud")
  scale_only <- choices$scale_only
  # Ultimate deconvolution starts at random, and at what it is given.
  given <- !ud || !is.null(scale_only) || choices$given
  if (!is.null(choices$files)) {
    read <- read_components(choices$files, colnames(strong$Bhat))
    kinds <- lapply(read, \(U) lapply(U, `/`, strong$unit^2))
  } else {
    components <- choices$components
    if (!given) components <- intersect(components, "canonical")
    kinds <- prior_components(strong, components, npc, choices$remove_singleton, n_threads)
  }
  apart <- if (ud && !is.null(scale_only)) scale_only else "canonical"
  list(
    kinds = kinds, canonical = as.list(do.call(c, unname(kinds[intersect(names(kinds), apart)]))),
    data = if (given) do.call(c, unname(kinds[setdiff(names(kinds), apart)]))
  )
}

# U, their weights if the engine has any, and how it ended.
refine <- function(strong, start, how) {
  if (how$engine %in% c("ud", "ud_ted")) return(refine_ud(strong, start, how))
  say <- how$say
  ridge <- how$ridge
  initial <- c(start$data, if (how$canonical_in_ed) start$canonical)
  others <- if (how$canonical_in_ed) list() else start$canonical
  if (how$engine == "none" || !length(initial)) {
    return(list(U = c(start$data, start$canonical), refined = character()))
  }
  say("Extreme deconvolution of ", length(initial), " matrices")
  # The ridge of mashr is in the data's own unit.
  found <- withCallingHandlers(
    cov_ed(
      strong, initial, tol = how$tol, maxiter = how$max_iter,
      ridge = if (ridge == "relative") "relative" else "none", n_threads = how$n_threads
    ),
    mnmash_warning = \(w) if (ridge == "mashr") invokeRestart("muffleWarning")
  )
  if (ridge == "mashr") {
    found[] <- add_ridge(found, strong, ridge = "mashr",
                         size = 1 / sqrt(nrow(strong$Bhat)) / strong$unit^2)
  }
  trace <- attr(found, "trace") / nrow(strong$Bhat) - log_unit(strong)
  report_end(
    say, attr(found, "n_iter"), attr(found, "converged"), attr(found, "message"), trace
  )
  U <- with_condition_names(lapply(found, identity), colnames(strong$Bhat))
  list(
    U = c(U, others), raw = initial, w = unname(attr(found, "pi")), refined = names(U),
    loglik = trace,
    converged = attr(found, "converged"), n_iter = attr(found, "n_iter"),
    stopped = attr(found, "message"),
    convergence = replace(attr(found, "convergence"), "trace", list(trace))
  )
}

report_end <- function(say, n_iter, converged, stopped, loglik) {
  say("  ", n_iter, " iterations: ", stopped, "; mean log-likelihood ",
      format(loglik[length(loglik)], digits = 7))
  if (isFALSE(converged)) {
    warn_mnmash(
      "not_converged", "the refinement of the prior did not converge in ", n_iter,
      " iterations (", stopped, "): raise ", as_typed("max_iter"), " or `ed_tol`"
    )
  }
}

# Random starts and those of the data turn, the others are scaled only.
refine_ud <- function(strong, start, how) {
  say <- how$say
  free <- start$data
  scaled <- start$canonical
  say("Ultimate deconvolution of ", how$n_unconstrained, " random matrices",
      if (length(free)) paste0(" and ", length(free), " of the data"),
      if (length(scaled)) paste0("; scales of ", length(scaled)))
  started <- free
  if (length(started)) names(started) <- paste0("UD_", names(free))
  found <- ud_fit(
    strong, K = how$n_unconstrained, Ulist = if (length(started)) started,
    U_scaled = if (length(scaled)) scaled,
    update = if (how$engine == "ud") "ed" else "auto", tol = how$tol, max_iter = how$max_iter,
    n_threads = how$n_threads
  )
  trace <- found$loglik / nrow(strong$Bhat) - log_unit(strong)
  report_end(say, found$n_iter, found$converged, found$message, trace)
  raw <- c(free, scaled)
  list(
    U = with_condition_names(found$U, colnames(strong$Bhat)),
    raw = raw[setdiff(names(raw), names(found$U))],
    w = unname(found$w), refined = setdiff(names(found$U), names(scaled)),
    loglik = trace, converged = found$converged, n_iter = found$n_iter, stopped = found$message,
    convergence = replace(found$convergence, "trace", list(trace))
  )
}

# Weights over a grid of scales, and matrices at the scale the strong units give them.
weigh_by_mash <- function(strong, U, n_threads) {
  weights_of_fit(fit_to_weigh(strong, U, n_threads, product = FALSE), U)
}

fit_to_weigh <- function(data, U, n_threads, product) {
  mash(data, U, outputlevel = 1, verbose = FALSE, n_threads = n_threads, product = product)
}

weights_of_fit <- function(m, U) {
  g <- fit_prior(m)
  collapsed <- prior_from_g(g, "collapse", 0)
  # Matrices without weight keep the scale they came with.
  unused <- setdiff(names(U), names(collapsed$w)[collapsed$w > 0])
  scaled <- U
  scaled[setdiff(names(U), unused)] <- collapsed$U[setdiff(names(U), unused)]
  w <- stats::setNames(numeric(length(U)), names(U))
  w[names(collapsed$w)] <- collapsed$w
  null_weight <- collapsed$null_weight
  # Where the product is the whole prior, the others have no weight: of what is left, which is
  # nothing, all is null.
  if (sum(w) + null_weight <= 0) null_weight <- 1
  list(
    U = scaled, w = w, null_weight = null_weight, grid = g$grid, pi = g$pi,
    product = g$product, convergence = m$convergence
  )
}
