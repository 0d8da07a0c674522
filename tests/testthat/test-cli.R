parsed <- function(...) {
  parse_options(c(...), c("data", "ed-tol", "mixture-components", "compute-posterior", "max-comp",
    "threads", "effect-model", "to-cor", "n-subset"))
}

test_that("options: dashes, underscores, values after a blank or an equal sign, lists, flags", {
  a <- parsed("--data", "x.rds", "--ed-tol", "1e-3", "--mixture-components", "flash", "pca",
    "--max-comp", "-1", "--no-compute-posterior")$values
  b <- parsed("--data=x.rds", "--ed_tol=0.001", "--mixture_components", "flash", "pca",
    "--max_comp=-1", "--compute_posterior", "False")$values
  expect_identical(a, b)
  expect_identical(a$data, "x.rds")
  expect_identical(a[["ed-tol"]], 0.001)
  expect_identical(a[["mixture-components"]], c("flash", "pca"))
  expect_identical(a[["max-comp"]], -1)
  expect_false(a[["compute-posterior"]])
  expect_identical(a[["n-subset"]], 6000)
  expect_identical(parsed("--numThreads", "2")$values$threads, 2)
  expect_true(parsed("--to-cor")$values[["to-cor"]])
  expect_false(parsed("--to_cor", "False")$values[["to-cor"]])
})

test_that("options after a flag are read", {
  p <- parsed("--to-cor", "--compute-posterior", "--data", "x", "--walltime", "--max-comp", "3")
  expect_identical(p$given, c("to-cor", "compute-posterior", "data", "max-comp"))
  expect_identical(p$values$data, "x")
  expect_identical(p$values[["max-comp"]], 3)
})

test_that("lists are divided by blanks or commas, but a file may have a comma in its name", {
  p <- parsed("--mixture-components", "flash,pca", "canonical")
  expect_identical(p$values[["mixture-components"]], c("flash", "pca", "canonical"))
  file <- withr::local_tempfile(pattern = "a,b", lines = "")
  p <- parse_options(c("--component-files", file, "c.rds,d.rds"), "component-files")
  expect_identical(p$values[["component-files"]], c(file, "c.rds", "d.rds"))
})

test_that("options of the scheduler are ignored, with a note", {
  p <- parsed("--container", "docker://x", "--walltime", "5h", "--mem=16G", "--job_size", "1",
    "-j", "4", "--data", "x")
  expect_identical(p$values$data, "x")
  expect_length(p$notes, 5)
  expect_match(p$notes[2], "--walltime concerns the scheduler: ignored")
})

test_that("what cannot be understood is named, with status 2", {
  expect_error(parsed("--dat", "x"), "unknown option --dat \\(did you mean --data\\?\\)",
    class = "mnmash_error_usage")
  expect_error(parsed("x"), "`x` is not an option", class = "mnmash_error_usage")
  expect_error(parsed("--data"), "--data needs one value", class = "mnmash_error_usage")
  expect_error(parsed("--data", "a", "b"), "needs one value, not 2: a b",
    class = "mnmash_error_usage")
  expect_error(parsed("--ed-tol", "small"), "must be a number, not small",
    class = "mnmash_error_usage")
  expect_error(parsed("--threads", "1.5"), "must be a whole number", class = "mnmash_error_usage")
  expect_error(parsed("--effect-model", "XX"), "must be one of EE, EZ; not XX",
    class = "mnmash_error_usage")
  expect_error(parsed("--to-cor", "maybe"), "`maybe` is not an option",
    class = "mnmash_error_usage")
  expect_error(parsed("--no-data"), "unknown option --no-data", class = "mnmash_error_usage")
  bad <- run_cli("mash", "--data", "x.rds")
  expect_identical(bad$status, 2L)
  expect_match(bad$said, "mnmash mash: --prior-data is required.*Try: mnmash mash --help")
  expect_error(parsed("--posterior-file", "x"), "contrasts are made by mash_posterior_contrast",
    class = "mnmash_error_usage")
  expect_identical(run_cli("mush")$status, 2L)
  expect_match(run_cli("mush")$said, "did you mean mash\\?")
})

test_that("every step has a page of help with its defaults, and every option a meaning", {
  front <- run_cli("--help")
  expect_identical(front$status, 0L)
  for (step in names(cli_steps)) {
    page <- run_cli(step, "--help")
    expect_identical(page$status, 0L)
    expect_identical(run_cli("help", step), page)
    expect_identical(run_cli(step, "help"), page)
    expect_match(front$output, step, fixed = TRUE)
    for (option in cli_steps[[step]]$options) {
      expect_match(page$output, paste0("--(\\[no-\\])?", option_word(option)))
    }
    expect_true(all(nchar(strsplit(page$output, "\n")[[1L]]) <= 100))
  }
  expect_match(run_cli("ed-bovy", "--help")$output, "default: 1e-05")
  expect_setequal(
    setdiff(names(cli_options), c(cli_everywhere, cli_scheduler_options)),
    unique(unlist(lapply(cli_steps, `[[`, "options")))
  )
  for (word in c("--version", "-v", "version")) {
    expect_match(run_cli(word)$output, "^mnmash [0-9.]+$")
  }
})

test_that("steps of the workflows are there under all their names", {
  workflow <- c(
    "flash", "flash_nonneg", "pca", "canonical", "vhat_identity", "vhat_simple", "vhat_mle",
    "vhat_corshrink_xcondition", "vhat_simple_specific", "ud", "ud_unconstrained", "ed_bovy",
    "plot_U", "mash", "mixture_prior", "mixture-prior", "mash-fit", "plot-U", "mash_covariance",
    "mash_vhat", "mash_prior", "mash_fit", "mash_plot_prior",
    "posterior", "mash_posterior", "mash_posterior_contrast", "posterior_cntrast_plot",
    "feature_score_meta", "feature_score_finemap", "feature_score_nsig", "feature_pval_pair"
  )
  for (step in workflow) expect_true(find_step(step) %in% names(cli_steps))
})

test_that("single steps write what the functions return, under the workflows' names", {
  folder <- withr::local_tempdir()
  file <- extdata("mashr_input.rds")
  x <- readRDS(file)
  done <- run_cli("canonical", "--data", file, "--cwd", folder, "--output-prefix", "t")
  expect_identical(done$status, 0L)
  data <- mash_set_data(x$strong.b, x$strong.s)
  canonical <- readRDS(file.path(folder, "t.canonical.rds"))
  # In units of the noise.
  noise <- median(data$Shat^2)
  expect_equal(lapply(canonical, unname), lapply(cov_canonical(data), \(U) noise * unname(U)))
  expect_identical(rownames(canonical[[1]]), colnames(x$strong.b))
  run_cli("pca", "--data", file, "--cwd", folder, "--npc", "2", "--effect_model", "EZ")
  pca <- readRDS(file.path(folder, "mashr_input.pca.rds"))
  expect_equal(pca, reference_case("pipeline_EZ_four_components")$output$components[14:16],
    tolerance = 1e-10)
  run_cli("mash-covariance", "--data", file, "--component", "xtx", "--effect-model", "EZ",
    "--output", file.path(folder, "own.rds"))
  expect_equal(readRDS(file.path(folder, "own.rds")),
    reference_case("pipeline_EZ_XtX_canonical_pca")$output$components["XtX"], tolerance = 1e-10)
  run_cli("vhat-simple", "--data", file, "--cwd", folder, "--effect-model", "EZ")
  expect_equal(readRDS(file.path(folder, "mashr_input.EZ.V_simple.rds")),
    reference_case("pipeline_EZ_four_components")$output$V, tolerance = 1e-12)
  run_cli("mash_vhat", "--data", file, "--method", "identity", "--cwd", folder)
  expect_equal(unname(readRDS(file.path(folder, "mashr_input.EE.V_identity.rds"))), diag(8))
  expect_length(list.files(folder), 5)
})

test_that("groups by options, and by recipes with and without names", {
  recipe <- withr::local_tempfile(lines = c("# replicates", "Ast,Exc", "immune: Mic, Oli"))
  groups <- contrast_groups(list("grouping-recipe" = recipe, group2 = c("OPC", "End")))
  expect_identical(unname(groups), list(c("OPC", "End"), c("Ast", "Exc"), c("Mic", "Oli")))
  expect_identical(names(groups), c("", "", "immune"))
  writeLines("immune:", recipe)
  expect_error(contrast_groups(list("grouping-recipe" = recipe)), "'immune:' names no condition",
    class = "mnmash_error_value")
})

test_that("help tells what is used when an option is not given", {
  help <- run_cli("mash", "--help")$output
  expect_match(help, "EE\\|EZ\\]\\s+\\(default: that\\s+of the prior\\)")
  expect_match(run_cli("posterior", "--help")$output, "default:\\s+that of the fit")
  expect_match(run_cli("ed_bovy", "--help")$output, "EE\\|EZ\\]\\s+\\(default: EE\\)")
})

test_that("errors end with status 1, and say where", {
  folder <- withr::local_tempdir()
  missing <- run_cli("vhat_simple", "--data", file.path(folder, "no.rds"), "--cwd", folder)
  expect_identical(missing$status, 1L)
  expect_match(missing$said, "mnmash vhat_simple: `--data`: there is no file")
  expect_length(list.files(folder), 0)
  file <- withr::local_tempfile()
  writeLines("x", file)
  blocked <- run_cli("pca", "--data", extdata("mashr_input.rds"), "--cwd", file.path(file, "b"))
  expect_identical(blocked$status, 1L)
  expect_match(blocked$said, "`--cwd`: cannot make the folder")
})

test_that("the installed script runs, and hands on its status", {
  skip_on_cran()
  script <- system.file("exec", "mnmash", package = "mnmash", mustWork = TRUE)
  rscript <- file.path(R.home("bin"), "Rscript")
  libs <- paste0("R_LIBS=", shQuote(paste(.libPaths(), collapse = .Platform$path.sep)))
  call <- function(...) {
    suppressWarnings(system2(rscript, c(shQuote(script), ...), stdout = TRUE, stderr = TRUE,
      env = libs))
  }
  expect_match(call("--version"), "^mnmash ")
  folder <- withr::local_tempdir()
  failed <- call("mash", "--data", "x")
  expect_identical(attr(failed, "status"), 2L)
  failed <- call("pca", "--data", "nowhere.rds", "--cwd", shQuote(folder))
  expect_identical(attr(failed, "status"), 1L)
})

test_that("three steps from the command line do what the functions do", {
  folder <- withr::local_tempdir()
  file <- extdata("mashr_input.rds")
  steps <- list(
    c("ed_bovy", "--data", file, "--output-prefix", "p", "--cwd", folder, "--effect-model", "EZ",
      "--mixture-components", "pca", "canonical", "--npc", "2", "--ed-tol", "1e-3"),
    c("mash", "--data", file, "--output_prefix", "p", "--cwd", folder, "--effect_model", "EZ",
      "--vhat-data", file.path(folder, "p.EZ.V_simple.rds"),
      "--prior-data", file.path(folder, "p.EZ.prior.rds"), "--walltime", "5h"),
    c("plot_U", "--data", file.path(folder, "p.EZ.prior.rds"), "--cwd", folder, "--name", "w",
      "--max-comp", "3")
  )
  if (!requireNamespace("ggplot2", quietly = TRUE)) steps <- steps[-3]
  for (step in steps) {
    # The toy has few units.
    suppressWarnings(done <- run_cli(step), classes = "mnmash_warning_few")
    expect_identical(done$status, 0L, info = done$said)
  }
  expect_setequal(list.files(folder), c(
    paste0("p.EZ.", c("V_simple", "prior", "mash_model", "posterior"), ".rds"),
    if (length(steps) == 3) "p.EZ.prior_w.pdf"
  ))
  prior <- suppressWarnings(
    mixture_prior(file, components = c("pca", "canonical"), effect_model = "EZ", npc = 2,
                  V = "simple", ed_tol = 1e-3, verbose = FALSE),
    classes = "mnmash_warning_few"
  )
  expect_identical(readRDS(file.path(folder, "p.EZ.prior.rds")), prior)
  fit <- mash_fit(file, prior, verbose = FALSE)
  # With covariances, as the workflows have them.
  posterior <- readRDS(file.path(folder, "p.EZ.posterior.rds"))
  expect_identical(dim(posterior$PosteriorCov), c(8L, 8L, 17L))
  expect_identical(posterior[names(fit$posterior)], fit$posterior)
})

test_that("posteriors of one file, and of a list of files, without some conditions", {
  folder <- withr::local_tempdir()
  file <- extdata("mashr_input.rds")
  x <- readRDS(file)
  prior <- list(U = reference_case("pipeline_EE_canonical_pca")$output$components, w = rep(1, 16))
  fit <- mash_fit(file, prior, "simple", cwd = folder, verbose = FALSE)
  model <- file.path(folder, "mashr_input.EE.mash_model.rds")
  V <- resolve_vhat("simple", read_mash_input(file), 0)
  saveRDS(V, file.path(folder, "V.rds"))
  done <- run_cli("mash_posterior", "--data", file, "--mash-model", model, "--vhat-data",
    file.path(folder, "V.rds"), "--cwd", folder, "--bhat-key", "strong.b", "--shat_key", "strong.s")
  expect_identical(done$status, 0L, info = done$said)
  expect_equal(readRDS(file.path(folder, "mashr_input.posterior.rds"))$lfsr, fit$posterior$lfsr,
    tolerance = 1e-12)

  saveRDS(list(bhat = x$strong.b[1:9, ], sbhat = x$strong.s[1:9, ]), file.path(folder, "g1.rds"))
  saveRDS(list(bhat = x$strong.b[10:17, ], sbhat = x$strong.s[10:17, ]),
    file.path(folder, "g2.rds"))
  units <- file.path(folder, "units.txt")
  writeLines(c("g1.rds", "", file.path(folder, "g2.rds")), units)
  call <- c("posterior", "--analysis-units", units, "--mash-model", model, "--vhat-data",
    file.path(folder, "V.rds"), "--cwd", folder, "--exclude-condition", "Ast", "Mic")
  expect_identical(run_cli(call)$status, 0L)
  found <- lapply(file.path(folder, "cache", c("g1.posterior.rds", "g2.posterior.rds")), readRDS)
  expect_identical(readLines(file.path(folder, "units.all.posterior_list")),
    file.path(folder, "cache", c("g1.posterior.rds", "g2.posterior.rds")))
  keep <- setdiff(colnames(x$strong.b), c("Ast", "Mic"))
  data <- mash_set_data(x$strong.b[, keep], x$strong.s[, keep], V = V[keep, keep])
  g <- fit$fitted_g
  g$Ulist <- lapply(g$Ulist, \(U) U[match(keep, colnames(V)), match(keep, colnames(V))])
  direct <- suppressMessages(mash_compute_posterior_matrices(g, data))
  expect_equal(rbind(found[[1]]$PosteriorMean, found[[2]]$PosteriorMean), direct$PosteriorMean,
    tolerance = 1e-10)

  # Where there is a list, --data says only how names begin.
  again <- run_cli(c(call, "--data", file))
  expect_identical(again$status, 0L)
  expect_match(again$said, "2 of 2 were up to date")
  expect_match(run_cli("posterior", "--cwd", folder)$said, "give --data, one file, or")
  gone <- run_cli("posterior", "--data", file, "--mash-model", file)
  expect_match(gone$said, "is a mash input, and does not hold a fit of mash")
  wrong <- run_cli("posterior", "--data", file, "--mash-model", model, "--bhat-key", "b.b",
    "--cwd", folder)
  expect_match(wrong$said, "has no entry `b.b`: it has `strong.b`")
})

test_that("contrasts, their table and picture, and scores", {
  folder <- withr::local_tempdir()
  file <- extdata("mashr_input.rds")
  x <- readRDS(file)
  prior <- list(U = reference_case("pipeline_EE_canonical_pca")$output$components, w = rep(1, 16))
  fit <- mash_fit(file, prior, "identity", cwd = folder, verbose = FALSE)
  model <- file.path(folder, "mashr_input.EE.mash_model.rds")
  for (g in 1:2) {
    rows <- if (g == 1) 1:9 else 10:17
    saveRDS(list(bhat = x$strong.b[rows, ], sbhat = x$strong.s[rows, ]),
      file.path(folder, paste0("g", g, ".rds")))
  }
  units <- file.path(folder, "units.txt")
  writeLines(c("g1.rds", "g2.rds"), units)
  recipe <- file.path(folder, "groups.txt")
  writeLines(c("# replicates", "neurons: Exc, Inh"), recipe)
  done <- run_cli("mash_posterior_contrast", "--analysis-units", units, "--mash-model", model,
    "--cwd", folder, "--cells", "Ast", "Exc", "Inh", "Mic", "--grouping_recipe", recipe)
  expect_identical(done$status, 0L, info = done$said)
  files <- file.path(folder, "contrast", paste0("g", 1:2, ".posterior_contrast.rds"))
  data <- mash_set_data(x$strong.b, x$strong.s)
  direct <- posterior_contrast(fit, data, c("Ast", "Exc", "Inh", "Mic"),
    list(neurons = c("Exc", "Inh")))
  found <- do.call(rbind, lapply(files, readRDS))
  expect_equal(as.list(found), as.list(direct), tolerance = 1e-10, ignore_attr = TRUE)

  writeLines(files, file.path(folder, "contrasts.txt"))
  call <- c("--analysis-units", file.path(folder, "contrasts.txt"), "--cwd", folder)
  feature <- rep(c("g1", "g2"), c(9, 8))
  for (method in c("meta", "nsig", "pval_pair")) {
    step <- if (method == "pval_pair") "feature_pval_pair" else paste0("feature_score_", method)
    done <- run_cli(step, call)
    expect_identical(done$status, 0L, info = done$said)
    expect_equal(
      utils::read.csv(file.path(folder, paste0("contrasts.", method, ".csv"))),
      as.data.frame(feature_score(direct, feature, method)), tolerance = 1e-8, ignore_attr = TRUE
    )
  }
  skip_if_not_installed("ggplot2")
  counted <- function(...) {
    done <- run_cli("posterior_cntrast_plot", call, "--overwrite", ...)
    expect_identical(done$status, 0L, info = done$said)
    utils::read.csv(file.path(folder, "contrasts.summary.csv"), row.names = 1)
  }
  # P-values if the workflows' option is there, else local false sign rates.
  expect_equal(counted("--p-cut", "0.1"), summary(direct, feature, 0.1, "p"), ignore_attr = TRUE)
  expect_equal(counted("--lfsr-cut", "0.1"), summary(direct, feature, 0.1), ignore_attr = TRUE)
  expect_equal(counted(), summary(direct, feature), ignore_attr = TRUE)
  expect_identical(names(counted("--cells", "Ast,Mic")),
    c("Ast_deviation", "Mic_deviation", "Ast_vs_Mic"))
  expect_gt(file.size(file.path(folder, "contrasts.png")), 5000)
  expect_match(run_cli("feature_score_meta", "--data", file, "--cwd", folder)$said,
    "is a mash input, and does not hold contrasts")
})

test_that("files are about what is left of their names without endings of steps", {
  files <- c("a/toy.ENSG1.posterior_contrast.rds", "toy.ENSG2.13.rds", "chr1.g.mash_input.rds")
  expect_identical(label_of_file(files), c("toy.ENSG1", "toy.ENSG2.13", "chr1.g"))
})
