# Fitting mash with a learnt prior, as a step of the pipeline.

#' Fit mash to the random set, with posteriors of the strong set
#'
#' The second step of the mixture-prior pipeline: the weights of the prior's matrices, times a grid
#' of scales, are estimated from the `random` set, which has effects in their natural proportions;
#' the posteriors of the `strong` set follow.
#'
#' Of the prior the matrices are used and, if it has one, its component of independent effects
#' (`product`, see [learn_prior()]), which gets one of the weights; lfsr are raised as the prior
#' says (its `lfsr_map`). Conditions are matched by name:
#' those that the data do not have are integrated out, exactly.
#' Posteriors of missing cells are in the units of effects: under EZ, those of a cell with the
#' median standard error of its condition. Posteriors are computed in chunks of `chunk_size` units,
#' by the workers of `future::plan()` if there are several (see [mash_posterior()]), with identical
#' results.
#'
#' @section Files:
#' With `cwd`: `<output_prefix>.<effect_model>.mash_model.rds` holds the fit, an object of class
#' `mash` that accessors of this package and of mashr take, with the names of the files it came from
#' (`vhat_file`, `prior_file`) and, for scripts that look for it there, the prior and log-likelihood
#' once more as `mash_model`. `<output_prefix>.<effect_model>.posterior.rds` holds the posteriors,
#' a list of matrices. Neither holds the likelihoods (J x P) or posterior covariances unless asked.
#'
#' @param data the sets `random` and, for posteriors, `strong`: the name of an RDS file, or what
#'   [read_mash_input()] takes.
#' @param prior a prior, or the name of an RDS file with one: see [as_prior()].
#' @param V the residual correlation: a matrix (its conditions are matched by name), the name of an
#'   RDS file, or a method, as in [mixture_prior()]. Default: `V` of the prior if it has one, else
#'   as there. The workflows' word is `vhat`.
#' @param effect_model `"EE"` or `"EZ"`. Default: that of the prior, or `"EE"`.
#' @param compute_posterior compute posteriors of the strong set.
#' @param output_level what to keep of the random set, as `outputlevel` of [mash()]: 1 weights and
#'   likelihoods, 2 posteriors, 3 posterior covariances, 4 the matrix of likelihoods.
#' @param output_posterior_cov keep the posterior covariances of the strong units (R x R x J).
#' @param missing missing cells: see [read_mash_input()].
#' @param chunk_size number of units in a chunk.
#' @param cwd,output_prefix as in [mixture_prior()].
#' @inheritParams shared_arguments
#' @param ... further arguments of [mash()]: `gridmult`, `grid`, `normalizeU`, `usepointmass`,
#'   `prior`, `nullweight`, `optmethod`, `control`, `pi_thresh`, `posterior_samples`, `seed`,
#'   `output_lfdr`.
#'
#' @return A fit, as of [mash()], with the residual correlation `V` (unless it differs by unit),
#'   which [mash_posterior()] uses, and an entry `posterior` for the strong set: `PosteriorMean`,
#'   `PosteriorSD`, `lfdr`, `NegativeProb`, `lfsr`, `PositiveProb`.
#' @seealso [mixture_prior()], [mash_posterior()] for other units
#' @export
#' @examples
#' file <- system.file("extdata", "mashr_input.rds", package = "mnmash")
#' prior <- mixture_prior(file, components = c("pca", "canonical"), verbose = FALSE)
#' fit <- mash_fit(file, prior, verbose = FALSE)
#' get_loglik(fit)
#' round(head(fit$posterior$lfsr, 3), 3)
mash_fit <- function(data, prior, V = NULL, effect_model = NULL, compute_posterior = TRUE,
                     output_level = 2, output_posterior_cov = FALSE,
                     missing = c("exact", "reset1000"),
                     chunk_size = 20000, cwd = NULL, output_prefix = NULL, verbose = TRUE,
                     n_threads = NULL, ...) {
  further <- take_dots(..., also = arguments_for_mash)
  check_flag(compute_posterior)
  check_flag(output_posterior_cov)
  missing <- check_missing(missing)
  output_level <- check_number(output_level, 1, 4)
  chunk_size <- check_count(chunk_size)
  say <- if (check_flag(verbose)) \(...) message(" - ", ...) else \(...) NULL
  if (!is.null(V)) is_vhat_method(V)
  if (!is.null(cwd)) usable_folder(cwd, "cwd")
  prefix <- output_prefix(output_prefix, data)
  input <- mash_input_of(data, missing, sets = c("random", if (compute_posterior) "strong"))
  known <- resolve_prior(prior, colnames(input$random.b))
  effect_model <- fit_effect_model(effect_model, known$effect_model)
  alpha <- effect_alpha(effect_model)
  V_file <- if (is_file_name(V)) V else ""
  V <- resolve_vhat(if (is.null(V)) known$V else V, input, alpha, n_threads = n_threads)

  random <- set_data(input, "random", alpha, V)
  warn_few_units(nrow(random$Bhat), "random", ncol(random$Bhat))
  fit <- do.call(mash, c(
    list(random, known$U, product = known$product), further,
    list(outputlevel = output_level, verbose = verbose, n_threads = n_threads)
  ), quote = TRUE)
  # The weights are new, the matrices and what few units taught are those of the prior.
  fit$fitted_g$lfsr_map <- known$lfsr_map
  fit$result <- with_raised_lfsr(fit$result, fit$fitted_g)
  # For posteriors of other units.
  if (is.matrix(V)) fit$V <- V
  fit$vhat_file <- V_file
  fit$prior_file <- if (is_file_name(prior)) prior else ""
  if (!is.null(cwd)) {
    file <- output_file(cwd, prefix, effect_model, "mash_model")
    save_rds(c_mash(fit, mash_model = light_model(fit)), file)
    say("Wrote ", file)
  }
  # There in any case, so that `$posterior` never means `posterior_weights`.
  fit["posterior"] <- list(NULL)
  if (compute_posterior) {
    strong <- set_data(input, "strong", alpha, V)
    say("Posteriors of ", nrow(strong$Bhat), " strong units")
    fit$posterior <- mash_posterior(
      fit, strong, n_chunks = ceiling(nrow(strong$Bhat) / chunk_size),
      output_posterior_cov = output_posterior_cov, n_threads = n_threads
    )
    if (!is.null(cwd)) {
      file <- output_file(cwd, prefix, effect_model, "posterior")
      save_rds(fit$posterior, file)
      say("Wrote ", file)
    }
  }
  fit
}

# What mash() takes and mash_fit() does not set itself.
arguments_for_mash <- c(
  "gridmult", "grid", "normalizeU", "usepointmass", "prior", "nullweight", "optmethod", "control",
  "add.mem.profile", "algorithm.version", "pi_thresh", "posterior_samples", "seed", "output_lfdr"
)

fit_effect_model <- function(asked, prior) {
  if (is.null(asked)) return(if (is.null(prior)) "EE" else prior)
  asked <- match_choice(asked, c("EE", "EZ"), name = "effect_model")
  if (!is.null(prior) && asked != prior) {
    stop_mnmash(
      "units", "`effect_model` is \"", asked, "\", but `prior` was learnt with \"", prior, "\""
    )
  }
  asked
}

# What is needed to apply a fit, and no more.
light_model <- function(fit) {
  structure(
    unclass(fit)[intersect(c("loglik", "fitted_g", "alpha", "V"), names(fit))],
    class = c("mash_fit", "mash")
  )
}

c_mash <- function(fit, ...) structure(c(unclass(fit), list(...)), class = class(fit))
