# The data sets that come with the package; made by data-raw/datasets.R.

#' Top eQTL of 1000 genes in 44 tissues
#'
#' z-scores of the association between gene expression and genotype, for the most significant
#' variant of each of 1000 genes, in each of 44 human tissues. The genes are a random subset of the
#' 16,069 that Urbut and others (2019) analysed with mash. Since each variant was chosen because it
#' is strong in some tissue, nearly all of these units have an effect somewhere: estimates of how
#' common effects are do not carry over to variants in general.
#'
#' @format A numeric matrix of z-scores without missing values:
#'   1000 rows, named gene_chromosome_position_reference_alternative_build (GRCh37), and
#'   44 columns, the tissues.
#' @source Genotype-Tissue Expression (GTEx) project, release v6, as summarised by the authors of
#'   the reference in their repository gtexresults, and subset as the data set `gtex` of the R
#'   package flashier (BSD 3-clause licence).
#' @references Urbut, Wang, Carbonetto and Stephens (2019), Flexible statistical methods for
#'   estimating and testing effects in genomic studies with multiple conditions, Nature Genetics 51,
#'   187-195.
#' @examples
#' dim(gtex_z)
#' # How many tissues see each eQTL at |z| > 4?
#' table(rowSums(abs(gtex_z) > 4))
"gtex_z"

#' Sixteen blood-cell traits at two loci
#'
#' z-scores of the association of every variant of two 500-kilobase loci with 16 blood-cell traits.
#' The traits were measured on the same people, so their z-scores are correlated also where there is
#' no effect; and neighbouring variants are in linkage disequilibrium, so rows are not independent.
#' Most variants have no effect: take random rows to fit mixture weights and the residual
#' correlation, strong rows to read posteriors from.
#'
#' @format A list of two numeric matrices of z-scores without missing values; the rows are variants,
#'   named rsid_effect-allele, and the columns the same 16 traits:
#'   - `chr7`: 2576 variants of chr7:47187274-47687274 (GRCh37);
#'   - `chr8`: 2195 variants of chr8:118878055-119378055 (GRCh37).
#' @source UK Biobank summary statistics from the repository mvarbvs,
#'   output/blood_cell_traits/summary_stats (MIT licence).
#' @examples
#' vapply(blood_z, dim, integer(2))
#' # The variant with the strongest association at each locus, and the trait it is with
#' lapply(blood_z, \(z) {
#'   at <- which(abs(z) == max(abs(z)), arr.ind = TRUE)
#'   c(rownames(z)[at[1]], colnames(z)[at[2]])
#' })
"blood_z"
