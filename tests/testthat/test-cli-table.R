# Every option that a step of the mixture-prior workflows has, in any of their generations.
scheduler <- c("container", "job-size", "walltime", "mem", "numThreads")
everywhere <- c("cwd", "data", "output-prefix", "output-suffix", "effect-model", scheduler)
prior_step <- c(everywhere, "vhat", "mixture-components")
apply_step <- c(
  everywhere, "analysis-units", "bhat-table-name", "shat-table-name", "data-table-name",
  "exclude-condition", "mash-model", "posterior-vhat-files", "per-chunk", "slice-method",
  "vhat-data"
)
score <- c(
  "cwd", "contrast", "gene-ids", "p-cutoff", "meta-method", "se-cutoff", "fine-mapping",
  "conditions", "genotype", "region", "cor-threshold", "output", scheduler
)
workflow_options <- list(
  flash = everywhere, flash_nonneg = everywhere, pca = c(everywhere, "npc"),
  canonical = everywhere, vhat_identity = everywhere, vhat_simple = everywhere,
  vhat_mle = c(everywhere, "prior-data", "n-subset", "max-iter"),
  vhat_corshrink_xcondition = c(everywhere, "gene-list", "util-script"),
  vhat_simple_specific = c(everywhere, "gene-list", "util-script"),
  ud = c(prior_step, "unconstrained-prior"),
  ud_unconstrained = c(prior_step, "ud-method", "scale-only", "ud-tol-lik"),
  ed_bovy = c(prior_step, "ed-tol"),
  plot_U = c("data", "model-data", "cwd", "max-comp", "to-cor", "tol", "remove-label", "name",
             "output-prefix", scheduler),
  mash = c(everywhere, "vhat-data", "prior-data", "output-level", "compute-posterior",
           "no-compute-posterior"),
  posterior = apply_step,
  mash_posterior_contrast = c(
    apply_step, "cells", "group1", "group2", "group3", "grouping-recipe"
  ),
  posterior_cntrast_plot = c("data", "cwd", "cells", "p-cut", "contrast", "p-cutoff", scheduler),
  feature_score_meta = score, feature_score_finemap = score, feature_score_nsig = c(score, "p-cut"),
  feature_pval_pair = score,
  mash_covariance = c("data", "component", "effect-model", "npc", "seed", "output"),
  mash_vhat = c("data", "method", "effect-model", "prior-data", "n-subset", "max-iter", "output"),
  mash_prior = c("data", "engine", "effect-model", "vhat-data", "components", "npc",
                 "component-files", "seed", "output"),
  mash_fit = c("data", "vhat-data", "prior-data", "effect-model", "output-level", "output"),
  mash_posterior = c("data", "bhat-key", "shat-key", "vhat-data", "mash-model", "effect-model",
                     "exclude-condition", "no-posterior-cov", "output"),
  mash_plot_prior = c("data", "name", "max-comp", "to-cor", "tol", "remove-label", "output"),
  mash_feature_score = c(score, "method"), mash_feature_score_merge = c("scores", "output")
)

# A value that an option takes.
some_value <- function(key) {
  option <- cli_options[[sub("^no-", "", key)]]
  if (is.null(option)) return("1")
  switch(option$type,
    flag = character(), number = , count = "1",
    choice = option_choices(option)[1L], "x"
  )
}

test_that("every option of the workflows is known to its step, in both spellings", {
  for (step in names(workflow_options)) {
    known <- cli_steps[[find_step(step)]]
    allowed <- step_options(known)
    for (option in workflow_options[[step]]) {
      for (word in paste0("--", c(option, gsub("-", "_", option)))) {
        key <- option_key(word, allowed)
        expect_error(
          parse_options(c(word, some_value(key)), allowed, known$idle), NA, info = c(step, word)
        )
      }
    }
  }
})

test_that("options that only concern the scheduler, or that have no effect, are noted", {
  for (key in setdiff(scheduler, "numThreads")) {
    expect_match(parse_options(c(paste0("--", key), "1"), "data")$notes, "concerns the scheduler")
  }
  idle <- names(cli_options)[!vapply(cli_options, \(o) is.null(o$note), NA)]
  idle <- setdiff(idle, cli_scheduler_options)
  expect_setequal(idle, c("util-script", "per-chunk", "slice-method"))
  for (key in idle) {
    expect_match(parse_options(c(paste0("--", key), "1"), key)$notes, "has no effect: ")
  }
  expect_match(parse_options(c("--vhat", "mle"), "data", "vhat")$notes, "concerns other steps")
})

test_that("choices and defaults of the workflows are choices here", {
  shrunken <- c("vhat_corshrink_xcondition", "vhat_simple_specific")
  for (vhat in c("identity", "simple", "mle", shrunken)) {
    expect_true(vhat %in% names(vhat_methods))
  }
  expect_true(all(c("identity", "simple", "mle", "corshrink", "simple_specific") %in%
    option_choices(cli_options[["vhat-method"]])))
  expect_true(all(c("cov_ed", "ud", "ud_ted") %in% option_choices(cli_options$engine)))
  expect_identical(option_default(cli_options[["cor-threshold"]]), 0.45)
  expect_identical(option_default(cli_options[["se-cutoff"]]), 1e-3)
  expect_identical(option_default(cli_options[["n-subset"]]), 6000)
  expect_identical(option_default(cli_options$seed), 999)
  expect_identical(option_default(cli_options$tol), 1e-6)
})

test_that("defaults and choices are those of the functions, from one place", {
  # Options whose default is the command line's own affair: it does what the workflows do.
  own <- c(
    "cwd", "name", "format", "max-comp", "engine", "vhat", "vhat-method", "component",
    "output-suffix", "z-only", "finemapping-column", "region-column", "coverage", "study",
    "upstream", cli_everywhere
  )
  for (key in setdiff(names(cli_options), own)) {
    default <- cli_options[[key]]$default
    if (!is.null(default)) expect_true(inherits(default, "r_default"), info = key)
    if (inherits(default, "r_default")) {
      expect_true(default$argument %in% names(formals(default$fun)), info = key)
      found <- option_default(cli_options[[key]])
      expected <- eval(formals(default$fun)[[default$argument]])
      expect_identical(found, expected[seq_along(found)], info = key)
    }
  }
  for (step in names(cli_steps)) {
    for (key in names(cli_steps[[step]]$defaults)) {
      default <- cli_steps[[step]]$defaults[[key]]
      own <- is.character(default) || inherits(default, "r_default") || key == "posterior-cov"
      expect_true(own, info = c(step, key))
    }
  }
  expect_identical(option_choices(cli_options$engine), eval(formals(mixture_prior)$engine))
})

test_that("--engine means what engine means in R, and steps what the protocol's do", {
  data <- withr::local_tempfile(fileext = ".rds")
  saveRDS(simulate_mash_input(20, 20, 20, 3, seed = 1), data)
  asked <- function(...) {
    file <- withr::local_tempfile(fileext = ".rds")
    run_cli(..., "--data", data, "--output", file, "--max-iter", "2", "--n-unconstrained", "1",
            "--mixture-components", "canonical", "--vhat", "identity")
    readRDS(file)$engine
  }
  expect_identical(asked("mash_prior", "--engine", "ud"), "ud")
  expect_identical(asked("mash_prior", "--engine", "ud_ted"), "ud_ted")
  expect_identical(asked("mash_prior", "--engine", "ud_ted", "--unconstrained-prior", "ed"), "ud")
  expect_identical(asked("ud"), "ud")
  expect_identical(asked("ud_unconstrained"), "ud_ted")
  expect_identical(asked("ud", "--unconstrained-prior", "ted"), "ud_ted")
  expect_identical(asked("ud_unconstrained", "--ud-method", "ed"), "ud")
})
