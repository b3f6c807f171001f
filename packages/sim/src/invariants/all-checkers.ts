import { AdjacencyChecker } from "./adjacency.ts";
import { AgreementChecker } from "./agreement.ts";
import type { Checker } from "./checker.ts";
import { DirectoriesChecker } from "./directories.ts";
import { ExclusiveChecker } from "./exclusive.ts";
import { DialsChecker, ExitChecker, LinksChecker, RoutesChecker, WithdrawalChecker } from "./links.ts";
import { PropagationChecker } from "./propagation.ts";
import { QueuesChecker } from "./queues.ts";
import { SupersedeChecker } from "./supersede.ts";
import { MergeOrderChecker, RecordsChecker } from "./records.ts";

/** Everything that must hold in every world. */
export function allCheckers(): Checker[] {
  return [
    new RecordsChecker(),
    new SupersedeChecker(),
    new DirectoriesChecker(),
    new ExclusiveChecker(),
    new AdjacencyChecker(),
    new PropagationChecker(),
    new QueuesChecker(),
    new RoutesChecker(),
    new LinksChecker(),
    new WithdrawalChecker(),
    new DialsChecker(),
    new ExitChecker(),
    new AgreementChecker(),
    new MergeOrderChecker(),
  ];
}
