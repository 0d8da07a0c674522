# Learning a mixture prior from the strongest units, in one call.

#' Learn a mixture prior from strong effects
#'
#' The first step of the mixture-prior pipeline: estimates the residual correlation, finds patterns
#' of effects among the strong units (factors, principal components, simple known patterns), refines
#' them by maximum likelihood, and weighs them.
#'
#' @section Steps:
#' 1. `V`: the residual correlation, by [residual_correlation()]: from the `null` set by
#'    `"simple"` (the correlation of units with all |z| < 2), `"corshrink"` and
#'    `"simple_specific"`; from the `random` set by `"mle"` and `"corrected"` (which undoes the bias
#'    that comes of looking at small z-scores only); or `"identity"`.
#' 2. `components`: starting matrices from the `strong` set, in units of its noise: `"flash"` and
#'    `"flash_nonneg"` ([cov_flash()]), `"pca"` ([cov_pca()]), `"xtx"` (the mean of the products of
#'    effects), and `"canonical"` ([cov_canonical()]); in the units of the effect model.
#' 3. `engine`: `"ed_bovy"` (or `"cov_ed"`), extreme deconvolution from those matrices ([cov_ed()]);
#'    `"ud"` and `"ud_ted"`, ultimate deconvolution ([ud_fit()]) with `n_unconstrained` random
#'    starting matrices and the canonical ones, of which only scales are estimated, and without the
#'    other components; or, with `scale_only`, from all components, some of them only scaled;
#'    `"none"`, the matrices as they are.
#' 4. `ridge`: matrices of low rank make local false sign rates too small. Those of `"ed_bovy"` get
#'    `1 / sqrt(n)` in every condition, `n` being the number of strong units: times the noise
#'    variance there (`"relative"`), or as it is, whatever the units (`"mashr"`). See
#'    [add_ridge()].
#' 5. `w_source`: weights. `"mash"`: a fit of [mash()] to the strong units, over scales; each matrix
#'    is then given its average scale. `"engine"`: those of the deconvolution, which has no point
#'    mass and must have refined all matrices.
#'
#' Refined matrices are named `ED_<matrix>`, those of ultimate deconvolution `UD_<matrix>`.
#'
#' @section As the workflows do it:
#' `npc = 2`, `ridge = "mashr"`, `missing = "reset1000"`, `keep_raw = FALSE` and
#' `w_source = "engine"` give the numbers of the notebooks' `ed_bovy` step; also with
#' `add_xtx = TRUE` and `remove_singleton = TRUE` those of older ones; with `keep_raw = TRUE` and
#' `w_source = "mash"` those of newer ones.
#'
#' @section Files:
#' With `cwd`, `V` is written to `<output_prefix>.<effect_model>.V_<method>.rds` if it was
#' estimated, and the prior to `<output_prefix>.<effect_model>.prior.rds`, with
#' `save_components = TRUE` also the starting matrices to `<output_prefix>.<component>.rds`. A file
#' is complete or not there.
#'
#' @param data the sets `strong` and, for most methods of `V`, `null` or `random`: the name of an
#'   RDS file or what [read_mash_input()] takes.
#' @param engine how matrices are refined: see below.
#' @param components which starting matrices: any of `"flash"`, `"flash_nonneg"`, `"pca"`,
#'   `"canonical"`, `"xtx"`.
#' @param effect_model `"EE"`: the prior is of effects; `"EZ"`: of z-scores.
#' @param V the residual correlation: a method, an R x R matrix (its conditions are matched by
#'   name), or the name of an RDS file with one. The workflows' word is `vhat`. An array has a
#'   matrix for each strong unit (R x R x J), or, with their names, for each feature
#'   ([feature_correlation()]).
#' @param npc number of principal components. Default: 5, or as many as there can be.
#' @param ed_tol,max_iter the refinement stops when the mean log-likelihood of a unit gains less
#'   than `ed_tol` in an iteration, or after `max_iter` iterations.
#' @param seed for random starts and the choice of rows, leaving R's random numbers as they were.
#' @param canonical_in_ed refine the canonical matrices too. With many conditions these are many,
#'   and most are of one condition only; `FALSE` saves their time: they join the prior as they are.
#' @param keep_raw keep the starting matrices beside the refined ones, so that the prior can fit
#'   units other than the strong ones no worse than without refinement.
#' @param add_xtx add `"xtx"` to the components.
#' @param remove_singleton drop factors that load on one condition only: see [cov_flash()].
#' @param ridge,w_source see below.
#' @param missing missing cells: see [read_mash_input()].
#' @param component_files names of RDS files with matrices, in place of `components`. Canonical ones
#'   are known by their names.
#' @param n_unconstrained number of random starting matrices of `"ud"` and `"ud_ted"`. Default: 50;
#'   none with `scale_only`.
#' @param scale_only for `"ud"` and `"ud_ted"`: which of the components are only scaled, a choice
#'   like `"canonical"`; `character()` for none. The other components' matrices start unconstrained
#'   ones.
#' @param ud_tol_lik for `"ud"` and `"ud_ted"`: stop when the (penalised) log-likelihood of all
#'   strong units together gains less, in place of `ed_tol`.
#' @param n_subset,V_max_iter most rows and iterations for `V = "mle"`.
#' @param cwd folder to write files into. Default: none are written.
#' @param output_prefix how their names begin. Default: the name of the data file.
#' @param save_components write the starting matrices too.
#'
#' @inheritParams shared_arguments
#'
#' @return A prior, see [as_prior()], with further entries: `units` (`"effect"` or `"z"`),
#'   `effect_model`, `V`, `loglik` (the mean
#'   log-likelihood of a strong unit by iteration of the engine), `converged`, `n_iter`, `stopped`
#'   (why), `engine`, `refined` (which matrices are), `settings`, `version`, and with
#'   `w_source = "mash"` the `grid` and `pi` of that fit, whose matrices had a largest variance
#'   of 1.
#' @seealso [mash_fit()] for the next step, [plot_U()], `vignette("mixture-prior-pipeline")`
#' @export
#' @examples
#' file <- system.file("extdata", "mashr_input.rds", package = "mnmash")
#' prior <- mixture_prior(file, components = c("pca", "canonical"), verbose = FALSE)
#' prior
mixture_prior <- function(data, engine = c("ed_bovy", "cov_ed", "ud", "ud_ted", "none"),
                          components = c("flash", "flash_nonneg", "pca", "canonical"),
                          effect_model = c("EE", "EZ"), V = "simple", npc = NULL,
                          ed_tol = 1e-5, max_iter = 5000, seed = 999, canonical_in_ed = TRUE,
                          keep_raw = TRUE, add_xtx = FALSE, remove_singleton = FALSE,
                          ridge = c("relative", "mashr", "none"),
                          w_source = c("mash", "engine"), missing = c("exact", "reset1000"),
                          component_files = NULL, n_unconstrained = NULL, n_subset = 6000,
                          V_max_iter = 6, cwd = NULL, output_prefix = NULL,
                          save_components = FALSE, verbose = TRUE, n_threads = NULL,
                          scale_only = NULL, ud_tol_lik = NULL, ...) {
  take_dots(...)
  engine <- match_choice(engine, c("ed_bovy", "cov_ed", "ud", "ud_ted", "none"))
  effect_model <- match_choice(effect_model, c("EE", "EZ"))
  w_source <- match_choice(w_source, c("mash", "engine"))
  components <- check_components(c(components, if (check_flag(add_xtx)) "xtx"))
  check_flag(keep_raw)
  check_flag(remove_singleton)
  check_flag(save_components)
  missing <- check_missing(missing)
  if (!is.null(n_threads)) resolve_threads(n_threads)
  if (!is.null(npc)) check_count(npc)
  check_component_files(component_files)
  scale_only <- check_scale_only(scale_only, engine, components, component_files)
  if (is.null(n_unconstrained)) n_unconstrained <- if (is.null(scale_only)) 50 else 0
  how <- list(
    engine = engine, canonical_in_ed = check_flag(canonical_in_ed),
    tol = check_number(ed_tol, 0, name = "ed_tol"), max_iter = check_count(max_iter),
    ridge = match_choice(ridge, c("relative", "mashr", "none")),
    n_unconstrained = check_few(n_unconstrained, 0, 1e4, name = "n_unconstrained"),
    tol_all = if (!is.null(ud_tol_lik)) check_number(ud_tol_lik, 0, name = "ud_tol_lik"),
    say = if (check_flag(verbose)) \(...) message(" - ", ...) else \(...) NULL,
    n_threads = n_threads
  )
  check_weights_of_engine(w_source, how, components, component_files, keep_raw)
  limits <- list(
    n_subset = check_count(n_subset), max_iter = check_count(V_max_iter, name = "V_max_iter"),
    seed = if (!is.null(seed)) check_set_seed(seed), n_threads = n_threads
  )
  if (!is.null(V)) is_vhat_method(V)
  if (!is.null(cwd)) usable_folder(cwd, "cwd")
  prefix <- output_prefix(output_prefix, data)
  alpha <- effect_alpha(effect_model)
  input <- mash_input_of(data, missing, sets = "strong")

  V_word <- if (is_file_name(V)) V else "given"
  how$say("Residual correlation: ", V_word)
  V <- do.call(resolve_vhat, c(list(V, input, alpha), limits), quote = TRUE)
  strong <- in_units_of_noise(set_data(input, "strong", alpha, V))
  start <- starting_matrices(
    strong, engine, components, component_files, default_npc(npc, strong), remove_singleton,
    scale_only, n_threads
  )
  if (!is.null(how$tol_all) && startsWith(engine, "ud")) how$tol <- how$tol_all / nrow(strong$Bhat)
  how$say(
    "Components: ", length(start$data), " matrices from ", nrow(strong$Bhat), " strong units, ",
    length(start$canonical), " canonical"
  )
  found <- with_seed(seed, refine(strong, start, how))
  U <- found$U
  if (w_source == "engine") {
    weights <- list(U = U, w = found$w, null_weight = 0)
  } else {
    if (keep_raw && length(found$refined)) U <- c(found$raw, U)
    how$say("Weights of ", length(U), " matrices")
    weights <- weigh_by_mash(strong, U, n_threads)
  }
  weights$U <- lapply(weights$U, `*`, strong$unit^2)
  if (!is.null(weights$grid)) weights$grid <- weights$grid * strong$unit
  prior <- do.call(new_prior, c(weights, list(
    effect_model = effect_model, V = V,
    learnt = list(by = "mixture_prior", n_units = nrow(strong$Bhat)),
    loglik = found$loglik, converged = found$converged,
    n_iter = found$n_iter, stopped = found$stopped, engine = engine,
    refined = intersect(names(weights$U), found$refined),
    settings = list(
      components = names(start$kinds), npc = npc, ed_tol = ed_tol, max_iter = max_iter,
      seed = seed, canonical_in_ed = canonical_in_ed, keep_raw = keep_raw, ridge = how$ridge,
      w_source = w_source, missing = attr(input, "missing"), scale_only = scale_only, V = V_word
    ),
    version = as.character(utils::packageVersion("mnmash"))
  )))
  if (!is.null(cwd)) {
    start$kinds <- lapply(start$kinds, \(U) lapply(U, `*`, strong$unit^2))
    files <- list(cwd = cwd, prefix = prefix, V = V_word, components = save_components)
    write_prior(prior, start, files, how$say)
  }
  prior
}

# Files of matrices are found before work begins.
check_component_files <- function(component_files) {
  if (is.null(component_files)) return(invisible())
  if (!is.character(component_files) || anyNA(component_files)) {
    stop_mnmash("type", "`component_files` must be names of RDS files")
  }
  absent <- component_files[!file.exists(component_files)]
  if (length(absent)) {
    stop_mnmash("file", "`component_files`: there is no file '", absent[1L], "'",
                and_more(length(absent)))
  }
}

# The weights of an engine are of the matrices that it refined: there must be no others.
check_weights_of_engine <- function(w_source, how, components, files, keep_raw) {
  if (w_source != "engine") return(invisible())
  engine <- how$engine
  others <- c(
    "engine = \"none\"" = engine == "none",
    "keep_raw = TRUE" = keep_raw && engine %in% c("ed_bovy", "cov_ed"),
    "canonical_in_ed = FALSE" = !how$canonical_in_ed && engine %in% c("ed_bovy", "cov_ed") &&
      ("canonical" %in% components || !is.null(files))
  )
  if (any(others)) {
    stop_mnmash(
      "argument", "`w_source = \"engine\"` knows the weights of refined matrices only, and `",
      names(which(others))[1L], "` makes others part of the prior"
    )
  }
}

# Which components are only scaled by ultimate deconvolution; NULL: it knows the canonical ones
# only.
check_scale_only <- function(scale_only, engine, components, files) {
  if (is.null(scale_only)) return(NULL)
  if (!startsWith(engine, "ud")) {
    stop_mnmash(
      "argument", "`scale_only` is for the engines \"ud\" and \"ud_ted\", not \"", engine, "\""
    )
  }
  if (!is.character(scale_only)) {
    stop_mnmash("type", "`scale_only` must be names of components, or character()")
  }
  if (!length(scale_only)) return(character())
  scale_only <- check_components(scale_only, "scale_only")
  known <- if (is.null(files)) components else "canonical"
  bad <- setdiff(scale_only, known)
  if (length(bad)) {
    stop_mnmash(
      "argument", "`scale_only`: \"", bad[1L], "\" is not among the components (",
      paste(known, collapse = ", "), ")"
    )
  }
  scale_only
}

# Starting matrices, the data-driven apart from the canonical ones; for ultimate deconvolution those
# that are only scaled are called canonical here.
starting_matrices <- function(strong, engine, components, files, npc, remove_singleton, scale_only,
                              n_threads) {
  ud <- startsWith(engine, "ud")
  if (!is.null(files)) {
    read <- read_components(files, colnames(strong$Bhat))
    kinds <- lapply(read, \(U) lapply(U, `/`, strong$unit^2))
  } else {
    # Ultimate deconvolution starts at random, and at the canonical matrices.
    if (ud && is.null(scale_only)) components <- intersect(components, "canonical")
    kinds <- prior_components(strong, components, npc, remove_singleton, n_threads)
  }
  apart <- if (ud && !is.null(scale_only)) scale_only else "canonical"
  list(
    kinds = kinds, canonical = as.list(do.call(c, unname(kinds[intersect(names(kinds), apart)]))),
    data = if (!ud || !is.null(scale_only)) do.call(c, unname(kinds[setdiff(names(kinds), apart)]))
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
    stopped = attr(found, "message")
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
    loglik = trace, converged = found$converged, n_iter = found$n_iter, stopped = found$message
  )
}

# The strong units measured in their typical noise (1 for z-scores), `unit`: random starts, steps
# and stops are then the same whatever the unit of measurement. A conversion of units rounds, and a
# search that may end in several places can turn on the last digit: what is learnt from is rounded
# to 1e-8 of the noise, so that the digits are the same too.
in_units_of_noise <- function(strong, digits = 2^26) {
  rounded <- \(x, size) round(x / size * digits) / digits * size
  strong$unit <- sqrt(noise_level(strong))
  strong$Bhat <- rounded(strong$Bhat / strong$unit, 1)
  strong$Shat <- strong$Shat / strong$unit
  strong$Shat <- rounded(strong$Shat, 2^floor(log2(strong$Shat)))
  strong$V <- rounded(strong$V, 1)
  strong
}

# What the log-density of a unit loses on average when it is measured in the data's own unit.
log_unit <- function(strong) {
  cells <- length(strong$Bhat) - sum(strong$missing)
  log(strong$unit) * cells / nrow(strong$Bhat)
}

# Weights over a grid of scales, and matrices at the scale the strong units give them.
weigh_by_mash <- function(strong, U, n_threads) {
  m <- mash(strong, U, outputlevel = 1, verbose = FALSE, n_threads = n_threads)
  g <- m$fitted_g
  collapsed <- prior_from_g(g, "collapse", 0, colnames(strong$Bhat))
  # Matrices without weight keep the scale they came with.
  unused <- setdiff(names(U), names(collapsed$w)[collapsed$w > 0])
  scaled <- U
  scaled[setdiff(names(U), unused)] <- collapsed$U[setdiff(names(U), unused)]
  w <- stats::setNames(numeric(length(U)), names(U))
  w[names(collapsed$w)] <- collapsed$w
  list(U = scaled, w = w, null_weight = collapsed$null_weight, grid = g$grid, pi = g$pi)
}

write_prior <- function(prior, start, files, say) {
  if (files$V %in% names(vhat_methods)) {
    method <- sub("^vhat_(identity|simple|mle)$", "\\1", files$V)
    file <- output_file(files$cwd, files$prefix, prior$effect_model, paste0("V_", method))
    save_rds(prior$V, file)
    say("Wrote ", file)
  }
  if (files$components) {
    for (kind in names(start$kinds)) {
      file <- output_file(files$cwd, files$prefix, kind)
      save_rds(start$kinds[[kind]], file)
      say("Wrote ", file)
    }
  }
  file <- output_file(files$cwd, files$prefix, prior$effect_model, "prior")
  save_rds(prior, file)
  say("Wrote ", file)
}
