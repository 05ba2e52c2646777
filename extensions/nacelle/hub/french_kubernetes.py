"""French for what the hub's pages say of starts that take their time, and of sessions that died."""

from __future__ import annotations

KUBERNETES: dict[str, str] = {
    "None of them can start now.": "Aucun ne peut démarrer pour le moment.",
    "Look again": "Vérifier à nouveau",
    "Time so far": "Temps écoulé",
    "Your last session ended by itself": "Votre dernière session s'est arrêtée d'elle-même",
}
