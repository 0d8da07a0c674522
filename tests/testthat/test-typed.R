# Messages name an argument as the user wrote it.

said_of <- function(code) conditionMessage(tryCatch(code, error = identity))

test_that("a name in a message is that of the innermost call that knows better", {
  expect_identical(as_typed("V"), "`V`")
  expect_identical(known_as(list(V = "vhat"), as_typed("V")), "`vhat`")
  expect_identical(known_as(list(V = "vhat"), as_typed("V[[2]]")), "`vhat[[2]]`")
  expect_identical(known_as(list(V = "vhat"), as_typed("V2")), "`V2`")
  expect_identical(known_as(list(Z = "covariates", covariates = "Z"), as_typed("Z")), "`Z`")
  expect_identical(known_as(list(covariates = "Z", Z = "C"), as_typed("covariates")), "`C`")
  # A part of what is called otherwise, and was read from a file.
  file <- "a.rds"
  inner <- \() known_as(list(Bhat = "data$strong.b"), as_typed("Bhat"))
  expect_identical(inner(), "`data$strong.b`")
  expect_identical(from_file("data", file, inner()), "`data$strong.b` ('a.rds')")
  expect_identical(
    known_as(list(data = "input"), from_file("data", file, inner())), "`input$strong.b` ('a.rds')"
  )
  # A caller may have something of these names for itself.
  .files <- "a"
  .typed <- c(V = "other")
  expect_identical(as_typed("V"), "`V`")
  rm(.files, .typed)
  # What is no file's name is left out, and nothing is left behind.
  expect_identical(from_file("data", list(), as_typed("data")), "`data`")
  expect_identical(as_typed("data"), "`data`")
})

test_that("every other word that is taken for an argument stands in the messages about it", {
  calls <- fuzz_calls()
  words <- unique(c(names(synonyms), unlist(synonyms)))
  nothing <- structure(list(1), class = "unheard_of")
  tried <- character()
  wrong <- character()
  for (name in setdiff(names(calls), names(open_dots))) {
    f <- getExportedValue("mnmash", name)
    known <- setdiff(names(formals(args(f))), "...")
    if (!"..." %in% names(formals(args(f)))) next
    given <- fuzz_arguments(name, calls[[name]])
    for (word in setdiff(words, known)) {
      own <- own_word(word, known)
      # The beginning of a name is completed by R, which does not tell.
      if (is.na(own) || startsWith(own, word)) next
      same <- vapply(names(given), \(other) identical(own_word(other, known), own), NA)
      arguments <- c(given[names(given) != own & !same], stats::setNames(list(nothing), word))
      utils::capture.output(found <- tryCatch(
        suppressWarnings(suppressMessages(do.call(f, arguments, quote = TRUE))), error = identity
      ))
      label <- paste0(name, "(", word, " =), our ", own)
      tried <- c(tried, label)
      text <- if (inherits(found, "error")) conditionMessage(found) else "is taken"
      ours <- grepl(paste0("`", own, "`"), text, fixed = TRUE)
      if (!grepl(paste0("`", word), text, fixed = TRUE) || ours) {
        wrong <- c(wrong, paste0(label, ": ", text))
      }
    }
  }
  expect_identical(wrong, character())
  expect_gt(length(tried), 100L)
  message(length(tried), " other words given for an argument")
})

test_that("a prior that is none is named as the argument that it was given for", {
  region <- finemap_data(matrix(rnorm(60), 20), matrix(rnorm(40), 20))
  expect_match(said_of(finemap(region, "no")), "^`prior` must be a prior")
  expect_match(said_of(finemap(region, list(a = "no"))), "^`prior`")
  X <- matrix(rnorm(60), 20)
  expect_match(said_of(mr_mash(X, X[, 1:2], prior = list(U = 1))), "^`prior`")
  expect_match(said_of(mash_fit(simulate_mash_input(9, 9, 9, 3, seed = 1), 1:3)), "^`prior`")
  expect_match(said_of(as_prior("no")), "^`x`")
})

test_that("data of the pipeline are called what they are where they came from", {
  input <- unclass(simulate_mash_input(20, 30, 30, 3, seed = 1))
  prior <- list(U = list(diag(3)), w = 1)
  input$random.s[2, 1] <- -1
  expect_match(
    said_of(mash_fit(input, prior)), "^`data[$]random.s` must be positive: it is -1 at row 2"
  )
  file <- withr::local_tempfile(fileext = ".rds")
  saveRDS(input, file)
  expect_match(
    said_of(mash_fit(file, prior)),
    paste0("`data$random.s` ('", file, "') must be positive"), fixed = TRUE
  )
  names(input) <- sub("[.]b$", ".z", names(input))
  input <- input[!grepl("[.]s$", names(input))]
  input$random.z[3, 1] <- 1e90
  expect_match(said_of(mash_fit(input, prior)), "^`data[$]random.z`")
  # The reader's argument is another.
  expect_match(said_of(read_mash_input("no.rds")), "^`file`: there is no file")
  expect_match(said_of(read_mash_input(list(a = 1))), "^`file` has none of the entries")
  expect_match(said_of(mash_fit("no.rds", prior)), "^`data`: there is no file")
})

test_that("a word of an inner call is what the user's call handed on to it", {
  # Functions of the package that do not name their arguments as the user does.
  ours <- \(f) `environment<-`(f, asNamespace("mnmash"))
  inner <- ours(\(object) as_typed("object$a"))
  between <- ours(\(y, f) f(y$fit[["of"]]))
  outer <- ours(\(x, g, f) g(x, f))
  expect_identical(outer(list(), between, inner), "`x$fit[[\"of\"]]$a`")
  # The user's own words stay, and so does what was not handed on by its name.
  own <- ours(\(x, object, g, f) g(x, f))
  expect_identical(own(list(), 1, between, inner), "`object$a`")
  made <- ours(\(x, f) f(rev(x)))
  expect_identical(made(list(), inner), "`object$a`")
  fit <- structure(list(), class = "mash")
  expect_match(said_of(print(fit)), "`x` holds no `fitted_g`", fixed = TRUE)
  expect_match(said_of(logLik(fit)), "`object` holds no `loglik`", fixed = TRUE)
})
