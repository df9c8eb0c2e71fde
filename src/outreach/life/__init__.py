"""One notice's life, a file a step, in this order:

``intake`` a request becomes a row; ``feed`` rings the bells; ``dispatch`` claims, prepares, commits
intent and sends; ``results`` what the carrier answered; ``letters`` the same in batches;
``callbacks`` a carrier's later word is kept; ``receipts`` and ``responses`` it is applied;
``reconcile`` what was left open is settled; ``seal`` the history is chained.

``prepare`` is the decision dispatch and letters share: ``judging`` asks the gate, ``words`` finds
the words, ``telling`` puts it into the history. ``parts`` is what all of them work with.
"""
