# Work that falls into pieces: one after the other, or on the workers of future::plan(); with files,
# so that finished pieces are not done again.

#' Do something for each region
#'
#' Calls `f(region, ...)` for each region (a gene, a block of the genome, a file), on the workers of
#' `future::plan()` if there are any. The results are the same on any number of workers, and with a
#' folder a call that was interrupted can be repeated to finish the work.
#'
#' @section Random numbers:
#' Before each region R's random numbers start from a seed that depends on `seed` and the region's
#' position only, whoever does the work; after it they are as they were.
#'
#' @section Stopping and going on:
#' With a `folder`, the result for the region named `x` becomes the file `x.rds`, which is there
#' when it is complete: what may not be in a file's name becomes an underscore. Regions whose file
#' is there and whole already are left alone; damaged ones are made again. The folder remembers
#' what its files are for: the names of the regions, `f`, its further arguments and the seed; other
#' ones are an error. That the regions hold the same data is the caller's business.
#'
#' @section Errors:
#' An error in one region does not keep the others from being finished. Without a folder a warning
#' of class `mnmash_warning_region` lists what failed; if all failed, that is an error. With a
#' folder it is an error of class `mnmash_error_region`, raised when the other files are there: mend
#' what was wrong, and repeat the call. Its element `failures` is a data frame of `region` and
#' `error`.
#'
#' @section Threads:
#' On workers each region has one thread, unless the option `mnmash.threads` (or the environment
#' variable MNMASH_NUM_THREADS) of this session says otherwise.
#'
#' @param regions a list with names, or a character vector (of files, say); each element is what `f`
#'   gets. The names of a vector without names are the file names in it, without folder and ending.
#' @param f a function of one region.
#' @param ... further arguments of `f`.
#' @inheritParams shared_arguments
#'
#' @return A list of the results, with the names of the regions; of regions that failed `NULL`, and
#'   an attribute `failures`, a data frame of `region` and `error`. With a `folder`, invisibly a
#'   data frame of `region` and `file` ([readRDS()] reads them).
#' @seealso [mash_posterior()] for posteriors by region.
#' @export
#' @examples
#' regions <- list(gene1 = 1:3, gene2 = 4:9)
#' each_region(regions, mean)
#' folder <- tempfile("regions")
#' print(each_region(regions, \(x) sample(x, 2), folder = folder, seed = 1))
#' unlink(folder, recursive = TRUE)
each_region <- function(regions, f, ..., folder = NULL, seed = NULL) {
  check_given()
  regions <- named_regions(regions)
  if (!is.function(f)) stop_mnmash("type", "`f` must be a function of one region")
  if (!is.null(seed)) seed <- check_set_seed(seed)
  arguments <- list(...)
  job <- list(
    regions = names(regions), f = as_written(f), arguments = lapply(arguments, as_written)
  )
  work_through(
    names(regions), \(i) regions[[i]], region_work(f, arguments, worker_threads(stream_workers())),
    folder, job, first_seed(seed, folder), partial = TRUE
  )
}

# The same where all regions make one result: the first error of one is an error.
all_regions <- function(regions, f) {
  work <- region_work(f, list(), worker_threads(stream_workers()))
  work_through(names(regions), \(i) regions[[i]], work, seed = first_seed(NULL, NULL))
}

# What can be compared between sessions: of a function its text.
as_written <- function(x) if (is.function(x)) deparse(x) else x

region_work <- function(f, arguments, threads) {
  force(f)
  force(threads)
  function(region) {
    if (!is.null(threads)) {
      before <- options(mnmash.threads = threads)
      on.exit(options(before))
    }
    do.call(f, c(list(region), arguments), quote = TRUE)
  }
}

named_regions <- function(regions, name = "regions") {
  if (is.character(regions) && is.null(names(regions))) {
    names(regions) <- sub("[.](rds|RDS)$", "", basename(regions))
  }
  if (!(is.list(regions) || is.character(regions)) || !length(regions)) {
    stop_mnmash("type", as_typed(name), " must be a list with names, or a character vector")
  }
  names <- names(regions)
  if (is.null(names) || anyNA(names) || !all(nzchar(names))) {
    stop_mnmash("names", as_typed(name), " must have names, which the results are found by")
  }
  twice <- anyDuplicated(names)
  if (twice) stop_mnmash("names", as_typed(name), " has two regions named \"", names[twice], "\"")
  regions
}

# The seed, that of the interrupted run, or a new one.
first_seed <- function(seed, folder) {
  if (!is.null(seed)) return(seed)
  before <- if (is_file_name(folder)) known_job(folder, "folder")$seed
  if (!is.null(before)) return(before)
  sample.int(.Machine$integer.max, 1L)
}

# `work(item(i))` for each label: a list, or files. `job` is what the files are for. A piece that
# fails is an error; or, if a list without it is of use (`partial`), a warning.
work_through <- function(labels, item, work, folder = NULL, job = NULL, seed = NULL,
                         partial = FALSE) {
  workers <- stream_workers()
  work <- seeded(work)
  numbers <- seq_along(labels)
  seeds <- piece_seeds(seed, length(labels))
  failed <- list()
  lost <- \(e) list(error = e)
  if (is.null(folder)) {
    results <- stats::setNames(vector("list", length(labels)), labels)
    take <- function(i, done) {
      if (is.null(done$error)) {
        results[i] <<- list(done$value)
      } else {
        failed[[labels[i]]] <<- done$error
      }
    }
    in_waves(numbers, workers, attempted(work, partial), take, \(i) {
      list(item = item(i), seed = seeds[i], label = labels[i])
    }, lost = if (partial) lost)
    return(with_failures(results, failed))
  }
  if (!is_file_name(folder)) {
    stop_mnmash("type", as_typed("folder"), " must be the name of a folder")
  }
  files <- file.path(folder, paste0(file_label(labels), ".rds"))
  if (!is.null(seed)) job$seed <- seed
  remember_job(job, folder, "folder", files)
  # Workers may have another working directory.
  files <- file.path(normalizePath(folder), basename(files))
  take <- function(i, done) if (!is.null(done$error)) failed[[labels[i]]] <<- done$error
  in_waves(
    which(!finished_files(files)), workers, saving(work), take,
    item = \(i) list(item = item(i), seed = seeds[i], label = labels[i], file = files[i]),
    at_once = if (workers > 1) 8 * workers else 1, lost = lost
  )
  failed <- failed[!file.exists(files[match(names(failed), labels)])]
  if (length(failed)) {
    e <- simpleError(paste0(
      describe_failures(failed), "\nThe results of the others are in '", folder, "'"
    ), user_call())
    e$failures <- failure_table(failed)
    stop(structure(e, class = c("mnmash_error_region", "mnmash_error", class(e))))
  }
  data.frame(region = labels, file = files)
}

# Results of which some may be absent, with a table of those.
with_failures <- function(results, failed) {
  if (!length(failed)) return(results)
  if (length(failed) == length(results)) stop(failed[[1L]])
  warn_mnmash(
    "region", describe_failures(failed), "\nThe results of the others are returned; ",
    "attr(, \"failures\") is a table of these"
  )
  structure(results, failures = failure_table(failed))
}

failure_table <- function(failed) {
  data.frame(
    region = names(failed), error = vapply(failed, conditionMessage, "", USE.NAMES = FALSE)
  )
}

describe_failures <- function(failed, most = 6L) {
  said <- vapply(utils::head(failed, most), conditionMessage, "")
  paste0(
    length(failed), " region", if (length(failed) > 1L) "s", " failed:\n",
    paste0("  ", said, collapse = "\n"),
    if (length(failed) > most) paste0("\n  and ", length(failed) - most, " more")
  )
}

# A seed for each piece of work.
piece_seeds <- function(seed, n) {
  if (is.null(seed)) return(NULL)
  with_seed(seed, sample.int(.Machine$integer.max, n))
}

# The same random numbers for a piece of work wherever it is done.
seeded <- function(work) {
  force(work)
  function(piece) {
    tryCatch(
      if (is.null(piece$seed)) work(piece$item) else with_seed(piece$seed, work(piece$item)),
      error = \(e) {
        e$message <- paste0("region \"", piece$label, "\": ", conditionMessage(e))
        stop(e)
      }
    )
  }
}

# What work gives as list(value), or list(error) where errors are not to be raised.
attempted <- function(work, keep_errors = TRUE) {
  force(work)
  force(keep_errors)
  function(piece) {
    if (!keep_errors) return(list(value = work(piece)))
    tryCatch(list(value = work(piece)), error = \(e) list(error = e))
  }
}

saving <- function(work) {
  force(work)
  attempted(function(piece) {
    save_rds(work(piece), piece$file, 0L)
    NULL
  })
}
