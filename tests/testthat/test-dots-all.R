# Nothing that is passed is swallowed: a misspelt argument is an error of this package, in every
# method of every class and in every function with dots.

typo_outcome <- function(f, arguments) {
  utils::capture.output(found <- tryCatch(
    suppressWarnings(suppressMessages(
      do.call(f, c(arguments, list(mispelt_argument = 1)), quote = TRUE)
    )),
    error = identity
  ))
  if (!inherits(found, "error")) return("is swallowed")
  if (!inherits(found, "mnmash_error")) return(paste("plain error:", conditionMessage(found)))
  if (!grepl("mispelt_argument", conditionMessage(found), fixed = TRUE)) {
    return(paste("does not name it:", conditionMessage(found)))
  }
  ""
}

test_that("functions of more than one argument have dots: what is unknown is refused in words", {
  exported <- setdiff(getNamespaceExports("mnmash"), names(open_dots))
  closed <- Filter(\(name) {
    f <- getExportedValue("mnmash", name)
    is.function(f) && length(formals(f)) > 1L && !"..." %in% names(formals(f))
  }, exported)
  expect_identical(sort(closed), character())
})

test_that("a misspelt argument is an error, in every method and in every function with dots", {
  dots_known <- known_failures("dots")
  withr::local_pdf(NULL)
  withr::local_dir(withr::local_tempdir())
  calls <- fuzz_calls()
  said <- character()
  for (name in setdiff(names(calls), names(open_dots))) {
    f <- getExportedValue("mnmash", name)
    if ("..." %in% names(formals(args(f)))) said[name] <- typo_outcome(f, calls[[name]])
  }
  methods <- registered_methods()
  objects <- class_objects(calls)
  for (i in seq_len(nrow(methods))) {
    name <- methods$name[i]
    if (name %in% names(open_dots) || is.primitive(find_generic(methods$generic[i]))) next
    object <- objects[[methods$class[i]]]
    expect_false(is.null(object), info = paste("an object of class", methods$class[i]))
    said[name] <- typo_outcome(find_generic(methods$generic[i]), list(object))
  }
  failing <- names(said)[said != ""]
  for (name in setdiff(failing, dots_known)) fail(paste0(name, ": ", said[[name]]))
  # What is mended leaves the list.
  expect_identical(intersect(dots_known, names(said)[said == ""]), character())
  message(length(said), " functions and methods given a misspelt argument, ", length(failing),
          " swallow it")
  record <- Sys.getenv("MNMASH_ALIGNMENT")
  if (nzchar(record)) writeLines(sort(paste(failing, said[failing])), paste0(record, ".dots"))
})

test_that("an argument without a default that is left out is named by an error of this package", {
  calls <- fuzz_calls()
  tried <- 0
  for (name in setdiff(names(calls), names(open_dots))) {
    f <- getExportedValue("mnmash", name)
    arguments <- formals(args(f))
    if (!"..." %in% names(arguments)) next
    given <- fuzz_arguments(name, calls[[name]])
    needed <- names(Filter(has_no_default, as.list(arguments)))
    # A generic function cannot say it: R looks for the method first.
    if (any(grepl("UseMethod", deparse(body(f)), fixed = TRUE))) next
    for (word in setdiff(needed, "...")) {
      utils::capture.output(found <- tryCatch(
        suppressWarnings(suppressMessages(
          do.call(f, given[names(given) != word], quote = TRUE)
        )), error = identity
      ))
      tried <- tried + 1
      if (!inherits(found, "error")) next
      expect_s3_class(found, "mnmash_error")
      expect_match(conditionMessage(found), paste0("`", word, "`"), fixed = TRUE, info = name)
    }
  }
  expect_gt(tried, 80)
})
