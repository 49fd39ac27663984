// SPDX-License-Identifier: Apache-2.0
/**
 * The list of all that is shipped (SBOM), in CycloneDX's JSON: made and completed by the builds,
 * and printed by {@code culvert version --sbom}.
 */
@NullMarked
package dev.culvert.cli.sbom;

import org.jspecify.annotations.NullMarked;
