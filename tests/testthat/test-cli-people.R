test_that("what a script has nothing to say for is left at its default", {
  p <- parse_options(
    c("--cells", "", "--group1=", "--grouping-recipe", "", "--exclude-condition", "", "--npc", ""),
    c("cells", "group1", "grouping-recipe", "exclude-condition", "npc")
  )
  expect_null(p$given)
  expect_true(all(vapply(p$values, is.null, NA)))
})

test_that("choices are found whatever the case of their letters, and with dashes", {
  expect_identical(parse_options(c("--effect-model", "ez"), "effect-model")$values[[1]], "EZ")
  expect_identical(parse_options(c("--engine", "ED-Bovy"), "engine")$values[[1]], "ed_bovy")
})

test_that("completion, the page of the manual and the parser know the same steps and options", {
  bash <- run_cli("completion", "bash")$output
  zsh <- run_cli("completion", "zsh")$output
  man <- run_cli("man")$output
  lines <- strsplit(bash, "\n")[[1]]
  lacks <- \(text, part) !grepl(part, text, fixed = TRUE)
  absent <- character()
  for (name in names(cli_steps)) {
    words <- names(step_words)[step_words == name]
    pattern <- paste0("    ", paste(words, collapse = "|"), ")")
    line <- grep(pattern, lines, fixed = TRUE, value = TRUE)
    if (length(line) != 1 || lacks(zsh, pattern)) absent <- c(absent, name)
    for (key in cli_steps[[name]]$options) {
      word <- option_word(key)
      if (lacks(line, paste0("--", word)) || lacks(zsh, paste0("'*--", word, "[")) ||
        lacks(man, gsub("-", "\\-", word, fixed = TRUE))) {
        absent <- c(absent, paste(name, word))
      }
    }
  }
  expect_identical(absent, character())
  expect_identical(run_cli("completion")$status, 2L)
})

test_that("completion of bash completes steps, options, choices and files", {
  bash <- Sys.which("bash")
  skip_if(!nzchar(bash))
  script <- withr::local_tempfile(lines = c(
    bash_completion(),
    "complete_words() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _mnmash",
    "  echo \"${COMPREPLY[@]}\"; }",
    "complete_words mnmash ed_b", "complete_words mnmash mash --prior",
    "complete_words mnmash help po",
    "complete_words mnmash ed_bovy --ridge rel", "complete_words mnmash ed_bovy --remove-s"
  ))
  found <- system2(bash, script, stdout = TRUE)
  expect_identical(found[c(1, 2, 4, 5)],
    c("ed_bovy", "--prior-data", "relative", "--remove-singleton"))
  expect_match(found[3], "posterior .*posterior_1")
})

test_that("the command is put on the path, and runs from there", {
  skip_on_os("windows")
  folder <- withr::local_tempdir()
  bin <- file.path(folder, "my bin")
  files <- suppressMessages(mnmash_install_cli(bin, extras = file.path(folder, "share")))
  expect_identical(basename(files), c("mnmash", "mnmash", "_mnmash", "mnmash.1"))
  expect_match(system2(files[1], "--version", stdout = TRUE), "^mnmash [0-9.]+$")
  expect_message(mnmash_install_cli(bin, extras = NULL), "is not on the PATH")
  writeLines("#!/bin/sh", files[1])
  expect_error(mnmash_install_cli(bin, extras = NULL), "there is another",
    class = "mnmash_error_file")
  expect_message(mnmash_install_cli(bin, extras = NULL, overwrite = TRUE), "Wrote")
})

test_that("natural mistakes: what is wrong, where, and what to do, before any work", {
  folder <- withr::local_tempdir()
  out <- file.path(folder, "out")
  at <- \(name) file.path(folder, name)
  put <- function(x, name) {
    saveRDS(x, at(name))
    at(name)
  }
  input <- extdata("mashr_input.rds")
  x <- readRDS(input)
  own <- `dimnames<-`(diag(8), rep(list(colnames(x$strong.b)), 2))
  prior <- put(list(U = list(own = own), w = 1), "prior.rds")
  not_fit <- put(list(a = 1), "a.rds")
  text <- at("text.rds")
  writeLines("no RDS file", text)
  mistakes <- list(
    list(2, "there is no step `ed_bovi` \\(did you mean ed_bovy\\?\\)", "ed_bovi"),
    list(2, "--data is required", "ed_bovy"),
    list(2, "unknown option --dat \\(did you mean --data\\?\\)", "ed_bovy", "--dat", input),
    list(2, "`in.rds` is not an option: options begin with --", "ed_bovy", "in.rds"),
    list(1, "`--data`: there is no file 'no.rds'", "ed_bovy", "--data", "no.rds"),
    list(1, "is not an RDS file, or is damaged", "ed_bovy", "--data", text),
    list(1, "`--vhat` must be .*one of .*not \"simpel\"", "ed_bovy", "--data", input, "--vhat",
         "simpel"),
    list(2, "--threads must be at least 1, not 0", "ed_bovy", "--data", input, "--threads", "0"),
    list(1, "`--npc` must be at most 8, the number of conditions, not 20", "ed_bovy", "--data",
         input, "--npc", "20"),
    list(1, "`--mixture-components` must be .*flash", "ed_bovy", "--data", input,
         "--mixture-components", "flesh"),
    list(2, "--ridge must be one of relative, mashr, none; not no", "ed_bovy", "--data", input,
         "--ridge", "no"),
    list(2, "`maybe` is not an option", "ed_bovy", "--data", input, "--save-components", "maybe"),
    list(1, "`--component-files`: there is no file 'x.pca.rds'", "ed_bovy", "--data", input,
         "--component-files", "x.pca.rds"),
    list(1, "`--data` .*is a prior, and has `U`, `w`", "ed_bovy", "--data", prior),
    list(1, "`--prior-data` .* is a mash input, not a prior", "mash", "--data", input,
         "--prior-data", input),
    list(1, "is a prior, and does not hold a fit of mash.*the .mash_model.rds", "posterior",
         "--data", input, "--mash-model", prior),
    list(2, "--mash-model is required.*there is no '.*mash_model.rds'", "posterior", "--data",
         input),
    list(1, "`--data` .*is a mash input", "plot_U", "--data", input),
    list(2, "--effect-model must be one of EE, EZ; not EEE", "mash", "--data", input,
         "--prior-data", prior, "--effect-model", "EEE"),
    list(1, "is a mash input, and does not hold contrasts, which mash_posterior_contrast writes",
         "feature_score_meta", "--contrast", input),
    list(2, "--fine-mapping is required", "feature_score_finemap", "--contrast", input),
    list(2, "--ed-tol must be a number, not small", "ed_bovy", "--data", input, "--ed-tol",
         "small"),
    list(1, "table `liver`: there is no file 'l.tsv'", "mash_input", "--tables", "liver=l.tsv"),
    list(2, "give --lfsr-cut or --p-cut, not both", "contrast_summary", "--contrast",
         put(structure(data.frame(mean_contrast_a_vs_b = 1, se_contrast_a_vs_b = 1,
                                  p_contrast_a_vs_b = 1, lfsr_contrast_a_vs_b = 1)), "c.rds"),
         "--lfsr-cut", "0.1", "--p-cut", "0.1")
  )
  for (mistake in mistakes) {
    words <- unlist(mistake[-(1:2)])
    if (length(words) > 1) words <- c(words, "--cwd", out)
    done <- run_cli(words)
    expect_identical(done$status, as.integer(mistake[[1]]), info = words)
    expect_match(done$said, mistake[[2]], info = words)
    expect_length(list.files(out, all.files = TRUE, no.. = TRUE), 0)
  }
})

test_that("a file that may not be read is not called damaged", {
  skip_on_os("windows")
  file <- withr::local_tempfile(fileext = ".rds")
  saveRDS(1, file)
  Sys.chmod(file, "000")
  skip_if(file.access(file, 4L) == 0L, "this user may read everything")
  expect_match(run_cli("ed_bovy", "--data", file)$said, "may not be read by this user")
})
