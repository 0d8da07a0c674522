# The protocol's notebooks and scripts: every step, option, default and output of theirs stands in
# inst/extdata/protocol.tsv, with what differs here.
protocol <- utils::read.delim(
  extdata("protocol.tsv"), quote = "", colClasses = "character", na.strings = character()
)

test_that("every option of every step of the protocol is accepted, in both spellings", {
  refused <- character()
  options <- protocol[protocol$kind == "option", ]
  for (i in seq_len(nrow(options))) {
    step <- cli_steps[[find_step(options$step[i])]]
    allowed <- step_options(step)
    for (word in paste0("--", c(options$name[i], gsub("_", "-", options$name[i])))) {
      key <- sub("^no-", "", option_key(word, allowed))
      type <- cli_options[[key]]$type %||% "text"
      value <- switch(type, flag = character(), number = , count = , scheduler = "1",
                      choice = option_choices(cli_options[[key]])[1], "x")
      # An empty value, which scripts write, is accepted too.
      for (words in list(c(word, value), if (type != "flag") c(word, ""))) {
        found <- tryCatch(
          if (length(words)) parse_options(words, allowed, step$idle), error = \(e) e
        )
        if (inherits(found, "error")) {
          refused <- c(refused, paste(options$step[i], paste(words, collapse = " "),
                                      conditionMessage(found)))
        }
      }
    }
  }
  expect_identical(refused, character())
})

test_that("defaults are the protocol's, or the table says what they are", {
  plain <- \(x) {
    number <- suppressWarnings(as.numeric(x))
    if (is.na(number)) tolower(gsub("[-_, ]+", " ", trimws(x))) else format(number)
  }
  other <- character()
  options <- protocol[protocol$kind == "option" & nzchar(protocol$their_default), ]
  for (i in seq_len(nrow(options))) {
    step <- cli_steps[[find_step(options$step[i])]]
    allowed <- step_options(step)
    key <- option_key(paste0("--", options$name[i]), allowed)
    # What concerns other steps, the scheduler, or is accepted without effect has no default.
    if (!key %in% allowed || !is.null(cli_options[[key]]$note)) next
    own <- step_default(step, key)
    own <- paste(as.character(if (is.null(own)) "" else own), collapse = " ")
    theirs <- options$their_default[i]
    same <- identical(plain(own), plain(theirs)) ||
      setequal(strsplit(plain(own), " ")[[1]], strsplit(plain(theirs), " ")[[1]])
    # The step's own default is that of its score.
    if (key == "p-cut" && options$step[i] %in% c("feature_score_nsig", "mash_feature_score")) {
      same <- significance(NULL, "p", "p_cut") == as.numeric(theirs)
    }
    if (!same && !nzchar(options$difference[i])) {
      other <- c(other, paste(options$step[i], options$name[i], theirs, own, sep = " | "))
    }
  }
  expect_identical(other, character())
})

# An input like the protocol's toy: lists of data frames, missing cells as zeros and 1000.
toy_input <- function(folder) {
  x <- unclass(simulate_mash_input(60, 120, 80, 5, 0.05, seed = 4))
  tables <- grep("[.][bsz]$", names(x), value = TRUE)
  x <- lapply(x[tables], as.data.frame)
  for (set in c("strong", "random", "null")) {
    gone <- is.na(x[[paste0(set, ".b")]])
    for (what in c("b", "z")) x[[paste0(set, ".", what)]][gone] <- 0
    x[[paste0(set, ".s")]][gone] <- 1000
  }
  file <- file.path(folder, "protocol_example.mashr_input.rds")
  saveRDS(x, file)
  file
}

ran <- function(...) {
  done <- suppressWarnings(run_cli(...), classes = "mnmash_warning")
  expect_identical(done$status, 0L, info = paste(c(..., done$said), collapse = " "))
  done
}

# The files of a step in the table.
expect_outputs <- function(step, folder, ...) {
  words <- list(...)
  names <- protocol$name[protocol$step == step & protocol$kind == "output"]
  if (!requireNamespace("ggplot2", quietly = TRUE)) names <- grep("png$|pdf$", names, invert = TRUE,
                                                                 value = TRUE)
  for (word in names(words)) {
    names <- sub(paste0("{", word, "}"), words[[word]], names, fixed = TRUE)
  }
  expect_true(length(names) > 0)
  expect_true(all(file.exists(file.path(folder, names))), info = paste(step, names))
}

test_that("the notebooks run as written: prior, fit, posteriors, contrasts, scores", {
  folder <- withr::local_tempdir()
  data <- toy_input(folder)
  cwd <- file.path(folder, "output")
  common <- c("--output-prefix", "toy", "--data", data, "--cwd", cwd, "-j", "2", "--container", "")
  steps <- c("flash", "flash_nonneg", "pca", "canonical", "vhat_identity", "vhat_simple",
             "ud", "ud_unconstrained", "ed_bovy", "vhat_mle", "vhat_corshrink_xcondition",
             "vhat_simple_specific")
  quick <- list(ud = c("--max-iter", "3"), ud_unconstrained = c("--max-iter", "3"),
                ed_bovy = c("--ed-tol", "1e-2"), vhat_mle = c("--max-iter", "1"))
  if (!requireNamespace("ashr", quietly = TRUE)) {
    steps <- setdiff(steps, "vhat_corshrink_xcondition")
  }
  for (step in steps) {
    ran(step, common, quick[[step]])
    expect_outputs(step, cwd, prefix = "toy", model = "EE", vhat = "simple")
  }
  # Three engines write one file: those before are kept.
  expect_true(all(file.exists(file.path(cwd, paste0("toy.EE.prior.rds.", 1:2)))))
  ran("mash", "--output-prefix", "toy", "--data", data, "--vhat-data",
      file.path(cwd, "toy.EE.V_simple.rds"), "--prior-data", file.path(cwd, "toy.EE.prior.rds"),
      "--effect-model", "EE", "--compute-posterior", "--cwd", cwd)
  expect_outputs("mash", cwd, prefix = "toy", model = "EE")
  if (requireNamespace("ggplot2", quietly = TRUE)) {
    ran("plot_U", "--output-prefix", "x", "--data", file.path(cwd, "toy.EE.prior.rds"),
        "--cwd", cwd)
    expect_outputs("plot_U", cwd, "data:bn" = "toy.EE.prior")
  }

  # Regions, the files of which are in the first of two columns.
  x <- readRDS(data)
  units <- c("region.ENSG1.7", "region.ENSG2")
  for (u in 1:2) {
    rows <- 20 * u + 1:15
    saveRDS(list(bhat = x$strong.b[rows, ], sbhat = x$strong.s[rows, ]),
            file.path(folder, paste0(units[u], ".rds")))
  }
  list <- file.path(folder, "units.txt")
  writeLines(c("# regions", paste0(file.path(folder, units), ".rds\tx")), list)
  apply <- c("--name", "toy", "--data", data, "--output-prefix", "toy", "--cwd", cwd,
             "--analysis-units", list, "--effect-model", "EE", "--vhat", "simple")
  ran("posterior", apply, "--bhat-table-name", "bhat", "--shat-table-name", "sbhat")
  for (unit in units) expect_outputs("posterior", cwd, name = "toy", unit = unit)
  exact <- ran("mash_posterior_contrast", apply, "--orig-key", "bhat", "--cells", "",
               "--group1", "", "--group2", "", "--group3", "", "--grouping-recipe", "")
  expect_match(exact$said, "the fit is that of")
  for (unit in units) expect_outputs("mash_posterior_contrast", cwd, name = "toy", unit = unit)
  counts <- utils::read.csv(file.path(cwd, "toy.posterior_sum.csv"), row.names = 1)
  expect_identical(max(counts["n_all_feature", ]), 2L)

  # Without the fit, from posteriors that are there.
  contrasts <- file.path(cwd, "contrast", paste0("toy.", units, ".posterior_contrast.rds"))
  from_fit <- lapply(contrasts, readRDS)
  unlink(file.path(cwd, "toy.EE.mash_model.rds"))
  near <- ran("mash_posterior_contrast", apply)
  expect_match(near$said, "approximate; those of --mash-model are exact")
  for (u in 1:2) {
    moments <- readRDS(contrasts[u])
    expect_identical(names(moments), names(from_fit[[u]]))
    for (what in c("mean", "se")) {
      expect_equal(contrast_values(moments, what), contrast_values(from_fit[[u]], what),
                   tolerance = 1e-8)
    }
  }
  fine <- file.path(folder, "fine.rds")
  saveRDS(data.frame(variants = rownames(from_fit[[1]])[1:4], cs_order = c(1, 1, 2, 2), pip = 0.5),
          fine)
  list2 <- file.path(folder, "contrasts.txt")
  writeLines(contrasts, list2)
  for (step in c("feature_score_meta", "feature_score_nsig", "feature_pval_pair",
                 "feature_score_finemap")) {
    ran(step, "--name", "toy", "--cwd", cwd, "--contrast-units", list2,
        if (step == "feature_score_finemap") c("--fine-mapping", fine, "--conditions", ""))
    expect_outputs(step, cwd, name = "toy")
    table <- utils::read.csv(file.path(cwd, paste0("toy.", step, "_2.feature_score_sum.csv")))
    # Credible sets are those of one unit.
    expect_setequal(table$gene, if (step == "feature_score_finemap") units[1] else units)
    # As the notebook has them: the list of units, and files that an older version wanted.
    unlink(file.path(cwd, paste0("toy.", step, "_2.feature_score_sum.csv")))
    ran(step, apply[1:2], "--cwd", cwd, "--analysis-units", list, "--posterior-file",
        "input/posterior.rds", "--sum-file", "input/sumstats.rds",
        if (step == "feature_score_finemap") c("--fine-mapping", fine))
    expect_equal(
      utils::read.csv(file.path(cwd, paste0("toy.", step, "_2.feature_score_sum.csv"))), table
    )
  }
})

test_that("the scripts run as the notebooks call them", {
  folder <- withr::local_tempdir()
  data <- toy_input(folder)
  at <- \(name) file.path(folder, name)
  ran("mash_covariance", "--data", data, "--component", "canonical,pca", "--npc", "2",
      "--output", at("U.rds"))
  expect_true(all(c("identity", "PCA_1", "tPCA") %in% names(readRDS(at("U.rds")))))
  ran("mash_vhat", "--data", data, "--method", "simple", "--effect-model", "EE", "--output",
      at("V.rds"))
  # Components that are given are what the prior is of, whatever the engine.
  saveRDS(list(mine = diag(5) + 1), at("own.rds"))
  for (engine in c("cov_ed", "ud", "ud_ted")) {
    ran("mash_prior", "--data", data, "--engine", engine, "--vhat-data", at("V.rds"),
        "--component-files", paste0(at("own.rds"), ",", at("U.rds")), "--max-iter", "2",
        "--effect-model", "EE", "--output", at("prior.rds"))
    names <- names(readRDS(at("prior.rds"))$U)
    expect_true(any(grepl("^(ED|UD)_mine$", names)), info = engine)
  }
  ran("mash_fit", "--data", data, "--vhat-data", at("V.rds"), "--prior-data", at("prior.rds"),
      "--effect-model", "EE", "--output-level", "4", "--output", at("model.rds"))
  # The scripts take the likelihoods for granted.
  expect_false(is.null(readRDS(at("model.rds"))$lm))
  x <- readRDS(data)
  names <- paste0("v", 1:15)
  table <- \(x) `rownames<-`(as.matrix(x)[1:15, ], names)
  saveRDS(list(bhat = table(x$strong.b), sbhat = table(x$strong.s)), at("region.rds"))
  ran("mash_posterior", "--data", at("region.rds"), "--bhat-key", "bhat", "--shat-key", "sbhat",
      "--vhat-data", at("V.rds"), "--mash-model", at("model.rds"), "--effect-model", "EE",
      "--exclude-condition", "", "--output", at("posterior.rds"))
  ran("mash_posterior_contrast", "--posterior", at("posterior.rds"), "--orig-data",
      at("region.rds"), "--orig-key", "bhat", "--group1", "", "--output",
      at("g1.posterior_contrast.rds"))
  conditions <- colnames(x$strong.b)
  ran("mash_posterior_contrast_summary", "--contrast", at("g1.posterior_contrast.rds"), "--cells",
      paste(conditions, collapse = ","), "--p-cutoff", "1e-5", "--output", at("sum.csv"))
  sum <- utils::read.csv(at("sum.csv"), row.names = 1)
  expect_identical(dim(sum), c(4L, 10L))
  expect_true(all(sum["n_all_feature", ] == 1))
  contrast <- readRDS(at("g1.posterior_contrast.rds"))
  pair <- names(sum)[1]
  p <- contrast[[paste0("p_contrast_", pair)]]
  expect_equal(sum["n_sig_snp", pair], sum(p < 1e-5, na.rm = TRUE))
  if (requireNamespace("ggplot2", quietly = TRUE)) {
    ran("mash_posterior_contrast_plot", "--data", at("sum.csv"), "--output", at("sum.png"))
    ran("mash_plot_prior", "--data", at("prior.rds"), "--max-comp", "-1", "--tol", "1E-6", "--name",
        "", "--remove-label", "--output", at("prior.pdf"))
  }
  ran("mash_feature_score", "--method", "meta", "--contrast", at("g1.posterior_contrast.rds"),
      "--meta-method", "REML", "--output", at("s.rds"))
  ran("mash_feature_score_merge", "--scores", at("s.rds"), "--output", at("s.csv"))
  expect_identical(unique(utils::read.csv(at("s.csv"))$gene), "g1")
  bad <- run_cli("mash_posterior_contrast", "--posterior", at("region.rds"), "--orig-data",
                 at("region.rds"), "--output", at("no.rds"))
  expect_match(bad$said, "holds effects and standard errors: it must hold posteriors")
})
