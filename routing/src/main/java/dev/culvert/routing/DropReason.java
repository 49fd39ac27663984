package dev.culvert.routing;

import java.util.Locale;

/** Why the classifier lets a packet go nowhere. */
public enum DropReason {
  /** In the cluster's ranges, and nobody owns it: a new pod, say, that is not known here yet. */
  UNKNOWN_ENDPOINT,
  /** Its owner has no identity that could be encrypted for. */
  NO_PEER,
  /** It is for this node itself, and has no business in the tunnel. */
  LOCAL_DESTINATION,
  /** It is for an address outside of the cluster. */
  OUTSIDE_CLUSTER,
  /** It does not come from this node or its pods; its receiver would refuse it. */
  FOREIGN_SOURCE;

  /** For people: {@code unknown endpoint}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
