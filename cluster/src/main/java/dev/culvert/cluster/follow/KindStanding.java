// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.follow;

/** Whether the API still has the kind of the objects that a watch tells to be deleted. */
public enum KindStanding {
  /** The kind stays, so somebody deleted this object alone. */
  STAYS,

  /** The kind is deleted, which deletes each of its objects. */
  GOES,

  /** It was not asked for, or the API gave no answer. */
  UNKNOWN
}
