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
#' when it is complete. Regions whose file is there already are left alone. An error in one region
#' does not keep the others from being finished; it is raised at the end. The folder remembers what
#' its files are for: the names of the regions, `f`, its further arguments and the seed; other ones
#' are an error. That the regions hold the same data is the caller's business.
#'
#' @param regions a list with names, or a character vector (of files, say); each element is what `f`
#'   gets. The names of a vector without names are the file names in it, without folder and ending.
#' @param f a function of one region.
#' @param ... further arguments of `f`.
#' @inheritParams shared_arguments
#'
#' @return A list of the results, with the names of the regions. With a `folder`, invisibly a data
#'   frame of `region` and `file` ([readRDS()] reads them).
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
    names(regions), \(i) regions[[i]], region_work(f, arguments),
    folder, job, first_seed(seed, folder)
  )
}

# What can be compared between sessions: of a function its text.
as_written <- function(x) if (is.function(x)) deparse(x) else x

region_work <- function(f, arguments) {
  force(f)
  function(region) do.call(f, c(list(region), arguments), quote = TRUE)
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
  note <- if (!is.null(folder)) file.path(folder, "job.rds")
  if (!is.null(note) && file.exists(note)) {
    before <- readRDS(note)$seed
    if (!is.null(before)) return(before)
  }
  sample.int(.Machine$integer.max, 1L)
}

# `work(item(i))` for each label: a list, or files. `job` is what the files are for.
work_through <- function(labels, item, work, folder = NULL, job = NULL, seed = NULL) {
  workers <- stream_workers()
  work <- seeded(work)
  numbers <- seq_along(labels)
  seeds <- piece_seeds(seed, length(labels))
  if (is.null(folder)) {
    results <- stats::setNames(vector("list", length(labels)), labels)
    take <- function(i, done) results[i] <<- list(done)
    in_waves(numbers, workers, work, take, \(i) {
      list(item = item(i), seed = seeds[i], label = labels[i])
    })
    return(results)
  }
  if (!is.null(seed)) job$seed <- seed
  remember_job(job, folder, "folder")
  # Workers may have another working directory.
  folder <- normalizePath(folder)
  files <- file.path(folder, paste0(file_label(labels), ".rds"))
  failed <- list()
  take <- function(i, done) if (inherits(done, "error")) failed[[labels[i]]] <<- done
  in_waves(
    which(!file.exists(files)), workers, saving(work), take,
    item = \(i) list(item = item(i), seed = seeds[i], label = labels[i], file = files[i]),
    at_once = if (workers > 1) 8 * workers else 1
  )
  if (length(failed)) {
    stop_mnmash(
      "region", conditionMessage(failed[[1L]]), and_more(length(failed), " failed regions"),
      "; the results of the others are in '", folder, "'"
    )
  }
  data.frame(region = labels, file = files)
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

saving <- function(work) {
  force(work)
  function(piece) {
    tryCatch(
      {
        save_rds(work(piece), piece$file, 0L)
        NULL
      },
      error = \(e) e
    )
  }
}

# Names as file names: what may not be in one becomes an underscore.
file_label <- function(labels) {
  label <- gsub("[^A-Za-z0-9._+-]", "_", labels)
  twice <- anyDuplicated(tolower(label))
  if (twice) {
    stop_mnmash("names", "two regions would have the file '", label[twice], ".rds': rename one")
  }
  label
}
