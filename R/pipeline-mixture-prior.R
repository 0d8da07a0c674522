# Learning a mixture prior from the strongest units, in one call.

#' Learn a mixture prior from strong effects
#'
#' The first step of the mixture-prior pipeline: estimates the residual correlation, learns patterns
#' of effects from the strong units, and weighs them.
#'
#' The default engine, `"learn"`, does what [learn_prior()] does with the `strong` and the `random`
#' set, in steps that keep the error rates they promise, and has no choices (`seed` is of the rows
#' that `V` is estimated from). Like it, it may find a component of independent effects (`product`).
#' The others
#' do what older pipelines do, with their choices: they find starting matrices (factors, principal
#' components, simple known patterns), and refine them by maximum likelihood without a penalty
#' (`"ud"` and `"ud_ted"` with one). Their lfsr are too small by a factor of two and more. Where one
#' of these choices is given, the default is `"ed_bovy"`.
#'
#' @section Steps of the other engines:
#' 1. `V`: the residual correlation, by [residual_correlation()]: from the `random` set by
#'    `"corrected"`, the default (which undoes the bias that comes of looking at small z-scores
#'    only), and `"mle"`; from the `null` set by `"simple"` (the correlation of units with all
#'    |z| < 2), `"corshrink"` and `"simple_specific"`; or `"identity"`.
#' 2. `components`: starting matrices from the `strong` set, in units of its noise: `"flash"` and
#'    `"flash_nonneg"` ([cov_flash()]), `"pca"` ([cov_pca()]), `"xtx"` (the mean of the products of
#'    effects), and `"canonical"` ([cov_canonical()]); in the units of the effect model.
#' 3. `engine`: `"ed_bovy"` (or `"cov_ed"`), extreme deconvolution from those matrices ([cov_ed()]);
#'    `"ud"` and `"ud_ted"`, ultimate deconvolution ([ud_fit()]), by steps of extreme deconvolution
#'    or of truncated eigenvalues, with `n_unconstrained` random starting matrices and the canonical
#'    ones, of which only scales are estimated. Other components start further matrices if
#'    `components`, `component_files` or `scale_only` is given;
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
#' `V = "simple"`, `npc = 2`, `ridge = "mashr"`, `missing = "reset1000"`, `keep_raw = FALSE` and
#' `w_source = "engine"` give the numbers of the notebooks' `ed_bovy` step; also with
#' `add_xtx = TRUE` and `remove_singleton = TRUE` those of older ones; with `keep_raw = TRUE` and
#' `w_source = "mash"` those of newer ones.
#'
#' @section Files:
#' With `cwd`, `V` is written to `<output_prefix>.<effect_model>.V_<method>.rds` if it was
#' estimated, and the prior to `<output_prefix>.<effect_model>.prior.rds`, with
#' `save_components = TRUE` also the starting matrices to `<output_prefix>.<component>.rds`. A file
#' is complete or not there, and is written as soon as its contents are known.
#'
#' @param data the sets `strong`, for weights `random` (without it they are of the strong set), and
#'   for some methods of `V` `null`: the name of an RDS file or what [read_mash_input()] takes.
#' @param engine how matrices are learnt: see below.
#' @param components which starting matrices: any of `"flash"`, `"flash_nonneg"`, `"pca"`,
#'   `"canonical"`, `"xtx"`.
#' @param effect_model `"EE"`: the prior is of effects; `"EZ"`: of z-scores.
#' @param V the residual correlation: a method, an R x R matrix (its conditions are matched by
#'   name), or the name of an RDS file with one. The workflows' word is `vhat`. Default:
#'   that of the data if they have one ([signal_input()]), else `"corrected"`, of the `random` set
#'   or, without it, the `null` set; `"identity"` where there are too few units. An array has a
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
#'   `effect_model`, `V`, `loglik` (the mean log-likelihood of a strong unit by iteration of the
#'   engine), `converged`, `n_iter`, `stopped` (why), `convergence` (as in [mash()]: of the engine,
#'   or of the weights where nothing is refined), `engine`, `refined` (which matrices are),
#'   `settings`, `version`, and with `w_source = "mash"` the `grid` and `pi` of that fit, whose
#'   matrices had a largest variance of 1.
#' @seealso [mash_fit()] for the next step, [plot_U()], `vignette("mixture-prior-pipeline")`
#' @export
#' @examples
#' file <- system.file("extdata", "mashr_input.rds", package = "mnmash")
#' prior <- mixture_prior(file, components = c("pca", "canonical"), verbose = FALSE)
#' prior
mixture_prior <- function(data, engine = c("learn", "ed_bovy", "cov_ed", "ud", "ud_ted", "none"),
                          components = c("flash", "flash_nonneg", "pca", "canonical"),
                          effect_model = c("EE", "EZ"), V = NULL, npc = NULL,
                          ed_tol = 1e-5, max_iter = 5000, seed = 999, canonical_in_ed = TRUE,
                          keep_raw = TRUE, add_xtx = FALSE, remove_singleton = FALSE,
                          ridge = c("relative", "mashr", "none"),
                          w_source = c("mash", "engine"), missing = c("exact", "reset1000"),
                          component_files = NULL, n_unconstrained = NULL, n_subset = 6000,
                          V_max_iter = 6, cwd = NULL, output_prefix = NULL,
                          save_components = FALSE, verbose = TRUE, n_threads = NULL,
                          scale_only = NULL, ud_tol_lik = NULL, ...) {
  take_dots(...)
  frame <- environment()
  absent <- vapply(refining_arguments, \(x) eval(call("missing", as.name(x)), frame), NA)
  engine <- prior_engine(if (!missing(engine)) engine, refining_arguments[!absent])
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
  given <- !absent[["components"]] || !is.null(component_files)
  limits <- list(
    n_subset = check_count(n_subset), max_iter = check_count(V_max_iter, name = "V_max_iter"),
    seed = if (!is.null(seed)) check_set_seed(seed), n_threads = n_threads
  )
  if (!is.null(V)) is_vhat_method(V)
  if (!is.null(cwd)) usable_folder(cwd, "cwd")
  prefix <- output_prefix(output_prefix, data)
  alpha <- effect_alpha(effect_model)
  input <- mash_input_of(data, missing, sets = "strong")

  check_npc(npc, ncol(input$strong.b))
  V_word <- if (is_file_name(V)) {
    V
  } else if (is.null(V) && is.null(attr(input, "V"))) {
    "corrected"
  } else {
    "given"
  }
  how$say("Residual correlation: ", V_word)
  V <- do.call(resolve_vhat, c(list(V, input, alpha), limits), quote = TRUE)
  files <- if (!is.null(cwd)) list(cwd = cwd, prefix = prefix, say = how$say)
  if (V_word %in% names(vhat_methods)) {
    write_part(files, V, effect_model, vhat_label(V_word))
  }
  if (save_components) {
    how$keep <- \(kinds) for (kind in names(kinds)) write_part(files, kinds[[kind]], kind)
  }
  strong <- set_data(input, "strong", alpha, V)
  found <- if (engine == "learn") {
    how$seed <- check_set_seed(check_seed(seed))
    learn_from_sets(input, strong, V, how)
  } else {
    choices <- list(
      components = components, files = component_files, npc = npc,
      remove_singleton = remove_singleton, scale_only = scale_only, w_source = w_source,
      keep_raw = keep_raw, seed = seed, given = given
    )
    refine_components(in_units_of_noise(strong), choices, how)
  }
  weights <- found$weights
  convergence <- found$convergence %||% weights$convergence
  product <- weights$product
  weights[c("convergence", "product")] <- NULL
  prior <- do.call(new_prior, c(weights, list(
    effect_model = effect_model, V = V,
    learnt = c(list(by = "mixture_prior", n_units = nrow(strong$Bhat)), found$learnt),
    loglik = found$loglik, converged = found$converged,
    n_iter = found$n_iter, stopped = found$stopped, convergence = convergence, engine = engine,
    refined = intersect(names(weights$U), found$refined),
    settings = list(
      components = names(found$kinds), npc = npc, ed_tol = ed_tol, max_iter = max_iter,
      seed = seed, canonical_in_ed = canonical_in_ed, keep_raw = keep_raw, ridge = how$ridge,
      w_source = w_source, missing = attr(input, "missing"), scale_only = scale_only, V = V_word
    ),
    version = as.character(utils::packageVersion("mnmash"))
  )))
  prior$lfsr_map <- found$lfsr_map
  prior <- beside_product(prior, product)
  write_part(files, prior, effect_model, "prior")
  prior
}

# A result as a file, if there are to be any: what is known is kept when a long step is killed.
write_part <- function(files, x, ...) {
  if (is.null(files)) return(invisible())
  file <- output_file(files$cwd, files$prefix, ...)
  save_rds(x, file)
  files$say("Wrote ", file)
}

# Said before anything is estimated.
check_npc <- function(npc, R) {
  if (!is.null(npc) && npc > R) {
    stop_mnmash("argument", as_typed("npc"), " must be at most ", R, ", the number of conditions, ",
                "not ", npc)
  }
}

# The engine asked for. What other engines than "learn" know is not for it.
prior_engine <- function(asked, given) {
  engines <- eval(formals(mixture_prior)$engine)
  if (is.null(asked)) {
    if (length(given)) {
      tell_once("`", given[1L], "` is a choice of the engine \"ed_bovy\", which is used")
      return("ed_bovy")
    }
    asked <- engines
  }
  engine <- match_choice(asked, engines, "engine")
  if (engine == "learn" && length(given)) {
    stop_mnmash(
      "argument", "`", given[1L], "` is no choice of the engine \"learn\", but of others, such as ",
      "\"ed_bovy\"; learn_prior() has the choices of \"learn\""
    )
  }
  engine
}

# What only engines that refine starting matrices have a use for.
refining_arguments <- c(
  "components", "npc", "ed_tol", "max_iter", "canonical_in_ed", "keep_raw", "add_xtx",
  "remove_singleton", "ridge", "w_source", "component_files", "n_unconstrained",
  "save_components", "scale_only", "ud_tol_lik"
)

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
